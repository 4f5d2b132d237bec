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
