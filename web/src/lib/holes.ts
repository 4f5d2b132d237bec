import type { Mistake } from "@/editor/mistakes";
import { lineAndColumn } from "@/pages/sql";

/** What a hole may name beside `row.` and `previous.` with a column. */
export const OTHER_NAMES = ["row", "previous", "op", "changed_columns", "event.id", "event.sequence", "run.id", "run.started_at", "sync.id", "sync.name"];

interface Hole {
  from: number;
  to: number;
  text: string;
}

/** The `{{ .. }}` of a message. One that does not end goes to the end of the text. */
export function holesOf(text: string): Hole[] {
  const holes: Hole[] = [];
  for (let from = text.indexOf("{{"); from >= 0; ) {
    const end = text.indexOf("}}", from + 2);
    const to = end < 0 ? text.length : end + 2;
    holes.push({ from, to, text: text.slice(from + 2, end < 0 ? undefined : end).replace(/^-|-$/g, "").trim() });
    from = text.indexOf("{{", to);
  }
  return holes;
}

/** The column that a hole reads, if it reads one: `row.name`, `previous["any name"]`. */
export function columnOf(hole: string): string | undefined {
  const found = /^(?:row|previous)(?:\.([\w-]+)|\[\s*(?:"([^"]*)"|'([^']*)')\s*\])/.exec(hole);
  return found ? (found[1] ?? found[2] ?? found[3]) : undefined;
}

/** In holes and in tags; `*` where a row is used as a whole. */
export function usedColumns(text: string): string[] {
  const columns = new Set<string>();
  for (const [code] of text.matchAll(/\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\}/g)) {
    const unquoted = code.replaceAll(/"[^"]*"(?!\s*\])/g, '""');
    for (const found of unquoted.matchAll(/(?<![\w.])(?:row|previous)\b(?:\.([\w-]+)|\[\s*(?:"([^"]*)"|'([^']*)')\s*\])?/g)) columns.add(found[1] ?? found[2] ?? found[3] ?? "*");
  }
  return [...columns];
}

export function holeOf(column: string): string {
  return /^[A-Za-z_][\w-]*$/.test(column) ? `row.${column}` : `row[${JSON.stringify(column)}]`;
}

/** What can be told while typing; what counts is what the service says when it is saved. */
export function mistakesIn(text: string, columns: string[] | undefined): Mistake[] {
  const mistakes: Mistake[] = [];
  // Nothing was written yet.
  if (text.trim() === "") return mistakes;
  for (const hole of holesOf(text)) {
    const place = { ...lineAndColumn(text, hole.from), length: hole.to - hole.from };
    const column = columnOf(hole.text);
    if (!text.slice(hole.from).includes("}}")) mistakes.push({ ...place, text: "This hole is not closed: write }} where it ends." });
    else if (hole.text === "") mistakes.push({ ...place, text: "This hole is empty: name a column, such as {{ row.id }}." });
    else if (column !== undefined && columns && !columns.includes(column)) mistakes.push({ ...place, text: `The model has no column ${column}.` });
    else if (column === undefined && /^(row|previous)\s*\.\s*(\||$)/.test(hole.text)) mistakes.push({ ...place, warning: true, text: "Name a column after the dot." });
  }
  const broken = mistakes.length === 0 && !text.includes("{%") ? brokenJson(text) : undefined;
  return broken ? [broken] : mistakes;
}

/** Whether the text is JSON once its holes are filled. Fillings are as long as the holes, so that places stay. */
function brokenJson(text: string): Mistake | undefined {
  let filled = "";
  let inString = false;
  const holes = holesOf(text);
  for (let at = 0; at < text.length; ) {
    const hole = holes.find((each) => each.from === at);
    if (hole) {
      filled += (inString ? "x" : "0").repeat(1).padEnd(hole.to - hole.from, inString ? "x" : " ");
      at = hole.to;
      continue;
    }
    const letter = text[at] ?? "";
    if (inString && letter === "\\") {
      filled += text.slice(at, at + 2);
      at += 2;
      continue;
    }
    if (letter === '"') inString = !inString;
    filled += letter;
    at += 1;
  }
  try {
    JSON.parse(filled);
    return undefined;
  } catch (error) {
    const message = error instanceof Error ? error.message : "";
    const position = /position (\d+)/.exec(message)?.[1];
    const at = position === undefined ? text.trimEnd().length : Number(position);
    return { ...lineAndColumn(text, at), text: "With its holes filled this is not JSON: look for a missing quote, comma or bracket here or just before." };
  }
}

/** A message with all columns, to begin with. */
export function startingMessage(columns: string[]): string {
  const members = columns.map((column) => `    ${JSON.stringify(column)}: {{ ${holeOf(column)} }}`);
  return `{\n  "op": {{ op }},\n  "row": {\n${members.join(",\n")}\n  },\n  "event": { "id": {{ event.id }}, "sequence": {{ event.sequence }} }\n}\n`;
}
