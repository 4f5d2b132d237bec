import { CircleAlert, CircleCheck } from "lucide-react";
import type { ReactElement } from "react";
import { useSyncExternalStore } from "react";

import { asProblem } from "@/api/problem";

interface Toast {
  id: number;
  tone: "good" | "bad";
  text: string;
}

let toasts: Toast[] = [];
let next = 1;
const listeners = new Set<() => void>();

function show(tone: Toast["tone"], text: string): void {
  const toast = { id: next, tone, text };
  next += 1;
  toasts = [...toasts.slice(-3), toast];
  listeners.forEach((listener) => listener());
  setTimeout(() => {
    toasts = toasts.filter((each) => each !== toast);
    listeners.forEach((listener) => listener());
  }, tone === "good" ? 4_000 : 9_000);
}

/** Tells that something was done, where the page does not show it by itself. */
export function told(text: string): void {
  show("good", text);
}

export function failed(error: unknown): void {
  show("bad", asProblem(error).message);
}

export function Toasts(): ReactElement {
  const shown = useSyncExternalStore((listener) => (listeners.add(listener), () => listeners.delete(listener)), () => toasts);
  return (
    <div aria-live="polite" className="pointer-events-none fixed right-4 bottom-4 z-50 flex w-80 max-w-[calc(100vw-2rem)] flex-col gap-2">
      {shown.map((toast) => (
        <div key={toast.id} className="pointer-events-auto flex items-start gap-2 rounded-md border border-line bg-raised px-3 py-2 text-[13px] shadow-lg">
          {toast.tone === "good" ? <CircleCheck className="mt-0.5 size-4 shrink-0 text-good" aria-hidden /> : <CircleAlert className="mt-0.5 size-4 shrink-0 text-bad" aria-hidden />}
          <span className="min-w-0 break-words">{toast.text}</span>
        </div>
      ))}
    </div>
  );
}
