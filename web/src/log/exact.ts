/** The JSON text of a value, as it came: a browser's numbers would lose digits of a `bigint` or `numeric`. */
export type Raw = string;

/** Where a number, true, false or null ends. */
const END = /[\s,\]}]/g;

/** As JSON.parse, but what `keep` names stays the text that it is (and null null). A path has the names and indices that lead there. */
export function parseExact(text: string, keep: (path: string[]) => boolean): unknown {
  const path: string[] = [];
  let at = 0;

  function space(): void {
    while (text.charCodeAt(at) <= 32) at += 1;
  }
  function broken(): never {
    throw new SyntaxError(`The answer is not JSON at ${at}.`);
  }
  function endOfString(): number {
    for (let end = text.indexOf('"', at + 1); end >= 0; end = text.indexOf('"', end + 1)) {
      let slashes = 0;
      while (text[end - 1 - slashes] === "\\") slashes += 1;
      if (slashes % 2 === 0) return end + 1;
    }
    return broken();
  }
  function endOfScalar(): number {
    END.lastIndex = at;
    return END.exec(text)?.index ?? text.length;
  }
  function skip(): void {
    let depth = 0;
    do {
      space();
      const letter = text[at];
      if (letter === undefined) broken();
      if (letter === '"') at = endOfString();
      else if ("{[]},:".includes(letter)) {
        if (letter === "{" || letter === "[") depth += 1;
        if (letter === "}" || letter === "]") depth -= 1;
        at += 1;
      } else at = endOfScalar();
    } while (depth > 0);
  }
  function within(name: string): unknown {
    path.push(name);
    space();
    const from = at;
    if (!keep(path)) {
      const found = value();
      path.pop();
      return found;
    }
    skip();
    path.pop();
    const found = text.slice(from, at);
    return found === "null" ? null : found;
  }
  function members(): Record<string, unknown> {
    const found: [string, unknown][] = [];
    for (at += 1, space(); text[at] !== "}"; space()) {
      if (text[at] === ",") at += 1;
      space();
      if (text[at] !== '"') broken();
      const end = endOfString();
      const name = JSON.parse(text.slice(at, end)) as string;
      at = end;
      space();
      if (text[at] !== ":") broken();
      at += 1;
      found.push([name, within(name)]);
    }
    at += 1;
    return Object.fromEntries(found);
  }
  function items(): unknown[] {
    const found: unknown[] = [];
    for (at += 1, space(); text[at] !== "]"; space()) {
      if (at >= text.length) broken();
      if (text[at] === ",") at += 1;
      found.push(within(String(found.length)));
    }
    at += 1;
    return found;
  }
  function value(): unknown {
    space();
    if (text[at] === "{") return members();
    if (text[at] === "[") return items();
    const end = text[at] === '"' ? endOfString() : endOfScalar();
    const found: unknown = JSON.parse(text.slice(at, end));
    at = end;
    return found;
  }

  const found = value();
  space();
  return at < text.length ? broken() : found;
}

/** The members of an object, in its order. */
export function membersOf(raw: Raw | null): [string, Raw][] {
  if (raw === null || !raw.trimStart().startsWith("{")) return [];
  const found = parseExact(raw, (path) => path.length === 1) as Record<string, Raw | null>;
  // Names that are numbers come first in an object of JavaScript; nothing hangs on that.
  return Object.entries(found).map(([name, text]) => [name, text ?? "null"]);
}

/** As people read it: a text without its quotes. */
export function rawText(raw: Raw | null): string {
  if (raw === null) return "null";
  return raw.startsWith('"') ? (JSON.parse(raw) as string) : raw;
}

/** A key as people read it: its values, without the names where it has one column only. */
export function rawKeyText(key: Raw | null): string {
  if (key === null) return "unknown";
  const members = membersOf(key);
  if (members.length === 0) return rawText(key);
  return members.length === 1 ? rawText(members[0]?.[1] ?? null) : members.map(([name, value]) => `${name}=${rawText(value)}`).join(", ");
}
