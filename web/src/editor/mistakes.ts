import type { Diagnostic } from "@codemirror/lint";
import { linter, lintGutter } from "@codemirror/lint";
import type { Extension, Text } from "@codemirror/state";

/** Something wrong in a text, at a line and column from 1. */
export interface Mistake {
  line: number;
  column: number;
  /** How many letters of it. */
  length?: number;
  text: string;
  warning?: boolean;
}

export function shownMistakes(mistakes: Mistake[]): Extension {
  return [linter((view) => mistakes.map((mistake) => placed(view.state.doc, mistake)), { delay: 0 }), lintGutter()];
}

function placed(text: Text, { line, column, length = 1, text: message, warning }: Mistake): Diagnostic {
  const at = text.line(Math.min(Math.max(line, 1), text.lines));
  const from = Math.min(at.from + Math.max(column - 1, 0), at.to);
  return { from, to: Math.min(from + length, text.length), severity: warning ? "warning" : "error", message };
}
