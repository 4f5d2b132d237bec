import type { ReactElement, ReactNode } from "react";
import { useEffect } from "react";

/** The frame of pages that belong to no workspace. */
export function Outside({ title, about, children }: { title: string; about?: ReactNode; children: ReactNode }): ReactElement {
  useEffect(() => {
    document.title = `${title} · Rowcast`;
  }, [title]);
  return (
    <main className="mx-auto flex min-h-dvh w-full max-w-sm flex-col justify-center gap-5 px-4 py-10">
      <div className="flex items-center gap-2 font-semibold">
        <img src="/favicon.svg" alt="" className="size-6" />
        Rowcast
      </div>
      <div className="space-y-1">
        <h1 className="text-xl font-semibold tracking-tight">{title}</h1>
        {about && <div className="text-muted">{about}</div>}
      </div>
      {children}
    </main>
  );
}
