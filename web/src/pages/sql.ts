import type { Catalog } from "@/api/jobs";
import type { Mistake } from "@/editor/mistakes";

/** For completion: those of `public` can be named without their schema. */
export function schemaOf(catalog: Catalog): Record<string, string[]> {
  const tables: Record<string, string[]> = {};
  for (const schema of catalog.schemas) {
    for (const table of schema.tables) {
      const columns = table.columns.map((column) => column.name);
      if (schema.name === "public") tables[table.name] = columns;
      else tables[`${schema.name}.${table.name}`] = columns;
    }
  }
  return tables;
}

/** The primary key of the table that the query reads first, if all of it is among the columns; else a column called id. */
export function guessedKey(columns: string[], query: string, catalog: Catalog | undefined): string[] {
  const name = /\bfrom\s+"?([\w.]+)"?/i.exec(query)?.[1]?.toLowerCase();
  for (const schema of catalog?.schemas ?? []) {
    for (const table of schema.tables) {
      if (table.name !== name && `${schema.name}.${table.name}` !== name) continue;
      const key = table.columns.filter((column) => column.key).map((column) => column.name);
      if (key.length > 0 && key.every((column) => columns.includes(column))) return key;
    }
  }
  return columns.includes("id") ? ["id"] : [];
}

/** Where an error of PostgreSQL points at: by line and column, or by the word it names. */
export function sqlMistake(message: string, query: string): Mistake | undefined {
  const place = /line (\d+), column (\d+)/i.exec(message);
  if (place) return { line: Number(place[1]), column: Number(place[2]), length: 3, text: message };
  const position = /(?:position|character) (\d+)/i.exec(message);
  if (position) return { ...lineAndColumn(query, Number(position[1]) - 1), length: 3, text: message };
  const word = /(?:relation|column|function|near) "?([\w.]+)"?/i.exec(message)?.[1];
  const at = word ? query.toLowerCase().indexOf(word.toLowerCase()) : -1;
  return word && at >= 0 ? { ...lineAndColumn(query, at), length: word.length, text: message } : undefined;
}

export function lineAndColumn(text: string, at: number): { line: number; column: number } {
  const before = text.slice(0, Math.max(at, 0));
  return { line: before.split("\n").length, column: before.length - before.lastIndexOf("\n") };
}

/** How many rows a query gives, as a query. A comment at its end does not swallow what follows. */
export function countingQuery(query: string): string {
  return `select count(*) as rows from (\n${query.trim().replace(/;+$/, "")}\n) as model`;
}
