import type { Position } from "@/log/place";
import { positionOf } from "@/log/place";

export interface Command {
  id: string;
  label: string;
  kind: string;
  run: () => void;
}

/** Those whose label or kind has all words, the ones that begin with the text first. */
export function matching(commands: Command[], text: string): Command[] {
  const wanted = text.trim().toLowerCase();
  if (wanted === "") return commands;
  const words = wanted.split(/\s+/);
  const fits = (command: Command) => words.every((word) => `${command.kind} ${command.label}`.toLowerCase().includes(word));
  const rank = (command: Command) => (command.label.toLowerCase().startsWith(wanted) ? 0 : command.label.toLowerCase().includes(wanted) ? 1 : 2);
  return commands.filter(fits).sort((one, other) => rank(one) - rank(other));
}

/** What was typed or pasted, where it is more than a part of a name: `run_01..`, a place in a stream, the key of a row. */
export type Typed = { id: string } | { position: Position } | { key: string };

const IDS = /^(syn|run|mdl|src|dst)_[0-9a-z]{6,}$/;

export function typed(text: string): Typed | undefined {
  const wanted = text.trim();
  if (IDS.test(wanted)) return { id: wanted };
  const position = positionOf(wanted);
  if (position) return { position };
  // Keys have a digit or a sign that names lack, or they would be in the way of every name that is typed.
  return /^[^\s]{1,128}$/.test(wanted) && /[\d@-]/.test(wanted) ? { key: wanted } : undefined;
}
