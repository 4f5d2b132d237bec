import { useSyncExternalStore } from "react";

export type Theme = "system" | "light" | "dark";

const KEY = "rowcast.theme";
const system = () => window.matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

export function chosenTheme(): Theme {
  const kept = localStorage.getItem(KEY);
  return kept === "light" || kept === "dark" ? kept : "system";
}

export function chooseTheme(theme: Theme): void {
  localStorage.setItem(KEY, theme);
  apply();
  listeners.forEach((listener) => listener());
}

/** Before the first paint, and whenever the system changes. */
export function startTheme(): void {
  apply();
  system().addEventListener("change", apply);
}

export function useTheme(): Theme {
  return useSyncExternalStore((listener) => (listeners.add(listener), () => listeners.delete(listener)), chosenTheme);
}

function apply(): void {
  const theme = chosenTheme();
  document.documentElement.dataset.theme = theme === "system" ? (system().matches ? "dark" : "light") : theme;
}
