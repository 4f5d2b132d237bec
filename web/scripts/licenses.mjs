// Lists what is bundled or used to build, with its licence; fails on one that is not permissive.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

const PERMISSIVE = /^\(?(MIT|ISC|Apache-2\.0|BSD-[23]-Clause|0BSD|CC0-1\.0|CC-BY-4\.0|OFL-1\.1|MPL-2\.0|BlueOak-1\.0\.0|Python-2\.0|Unlicense|MIT-0)\b/;
const lock = JSON.parse(readFileSync(resolve(fileURLToPath(import.meta.url), "../../package-lock.json"), "utf8"));
for (const [path, { license = "none", version, dev }] of Object.entries(lock.packages).filter(([name]) => name)) {
  const bad = !PERMISSIVE.test(license);
  if (bad) process.exitCode = 1;
  console.log(`${bad ? "!! " : "   "}${path.replace(/^.*node_modules\//, "")} ${version} ${license}${dev ? " (to build)" : ""}`);
}
