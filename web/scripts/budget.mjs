// Fails when what a browser loads first is larger than the budget: index.html, what it names, and the frame of a workspace.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const BUDGET = 250 * 1024;
const dist = resolve(fileURLToPath(import.meta.url), "../../dist");
const html = readFileSync(resolve(dist, "index.html"), "utf8");
const names = new Set([...html.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map((found) => found[1]));
const all = readdirSync(resolve(dist, "assets"));
for (const page of ["WorkspaceLayout", "Overview"]) all.filter((name) => name.startsWith(`${page}-`) && name.endsWith(".js")).forEach((name) => names.add(`assets/${name}`));
// What these import at once comes along; what they import when it is needed does not.
for (const name of names) {
  if (!name.endsWith(".js")) continue;
  const text = readFileSync(resolve(dist, name), "utf8");
  for (const [, found] of text.matchAll(/(?:from|import)\s*["']\.\/([\w.-]+\.js)["']/g)) names.add(`assets/${found}`);
}
let total = gzipSync(html).length;
for (const name of [...names].sort()) {
  const size = gzipSync(readFileSync(resolve(dist, name)), { level: 9 }).length;
  total += size;
  console.log(`${String(size).padStart(8)}  ${name}`);
}
const fonts = all.filter((name) => name.endsWith(".woff2")).reduce((sum, name) => sum + statSync(resolve(dist, "assets", name)).size, 0);
console.log(`${String(total).padStart(8)}  first load, compressed; ${BUDGET} allowed (and ${fonts} of fonts, which nothing waits for)`);
if (total > BUDGET) process.exitCode = 1;
