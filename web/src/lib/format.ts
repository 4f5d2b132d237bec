const NUMBER = new Intl.NumberFormat("en-US");
const COMPACT = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });

export function number(value: number): string {
  return NUMBER.format(value);
}

export function compact(value: number): string {
  return Math.abs(value) < 10_000 ? number(value) : COMPACT.format(value);
}

export function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  while (value >= 1024 && at < units.length - 1) {
    value /= 1024;
    at += 1;
  }
  return `${at === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[at]}`;
}

/** `1 row`, `2 rows`. */
export function counted(value: number, noun: string, plural = `${noun}s`): string {
  return `${number(value)} ${value === 1 ? noun : plural}`;
}

export function duration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.max(0, Math.round(milliseconds))} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** `4 min ago`, `in 2 h`. */
export function relative(at: Date, now: Date): string {
  const past = now.getTime() - at.getTime();
  const size = Math.abs(past);
  if (size < 5_000) return "now";
  const [value, unit] = size < 60_000 ? [size / 1000, "s"] : size < 3_600_000 ? [size / 60_000, "min"] : size < 86_400_000 ? [size / 3_600_000, "h"] : [size / 86_400_000, "d"];
  const text = `${Math.round(value)} ${unit}`;
  return past > 0 ? `${text} ago` : `in ${text}`;
}

const LOCAL = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" });
const SHORT = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });

export function localTime(at: Date): string {
  return LOCAL.format(at);
}

export function shortTime(at: Date): string {
  return SHORT.format(at);
}

export function inZone(at: Date, timeZone: string): string {
  const parts = { weekday: "short", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short" } as const;
  try {
    return new Intl.DateTimeFormat(undefined, { ...parts, timeZone }).format(at);
  } catch {
    // The service may know zones that this browser does not.
    return at.toISOString();
  }
}

/** `Chrome on Linux`, of what a browser says of itself; what it says where that is not known. */
export function browserText(agent: string | null | undefined): string {
  if (!agent) return "unknown";
  const find = (names: [RegExp, string][]) => names.find(([sign]) => sign.test(agent))?.[1];
  const browser = find([[/Edg\//, "Edge"], [/OPR\//, "Opera"], [/Firefox\//, "Firefox"], [/Chrom(e|ium)\//, "Chrome"], [/Safari\//, "Safari"], [/^curl\//, "curl"]]);
  const system = find([[/Android/, "Android"], [/iPhone|iPad/, "iOS"], [/Windows/, "Windows"], [/Mac OS X/, "macOS"], [/CrOS/, "ChromeOS"], [/Linux|X11/, "Linux"]]);
  return browser ? `${browser}${system ? ` on ${system}` : ""}` : agent;
}

/** A key as people read it: its values, without the names where it has one column only. */
export function keyText(key: unknown): string {
  if (Array.isArray(key)) return key.map(valueText).join(", ");
  if (typeof key !== "object" || key === null) return valueText(key);
  const entries = Object.entries(key);
  return entries.length === 1 ? valueText(entries[0]?.[1]) : entries.map(([name, value]) => `${name}=${valueText(value)}`).join(", ");
}

export function valueText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value) ?? "null";
}

/** JSON with two spaces, or the text itself where it is no JSON. Numbers keep every digit, so it is not parsed and written. */
export function prettyJson(text: string): string {
  try {
    JSON.parse(text);
  } catch {
    return text;
  }
  let out = "";
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const letter = text[at] ?? "";
    if (letter === '"') {
      let end = at + 1;
      while (text[end] !== '"') end += text[end] === "\\" ? 2 : 1;
      out += text.slice(at, end + 1);
      at = end;
    } else if (letter === "{" || letter === "[") {
      const close = letter === "{" ? "}" : "]";
      const next = /^\s*(.)/s.exec(text.slice(at + 1))?.[1];
      if (next === close) {
        out += letter + close;
        at = text.indexOf(close, at);
      } else {
        depth += 1;
        out += `${letter}\n${"  ".repeat(depth)}`;
      }
    } else if (letter === "}" || letter === "]") {
      depth -= 1;
      out += `\n${"  ".repeat(depth)}${letter}`;
    } else if (letter === ",") out += `,\n${"  ".repeat(depth)}`;
    else if (letter === ":") out += ": ";
    else if (!/\s/.test(letter)) out += letter;
  }
  return out;
}
