// Makes screenshots of every page, light and dark, at 1440 and 390 px, into web/screenshots: `npm run screenshots [word ..]`
// makes those alone whose name has one of the words. Then look at them.
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { chromium } from "@playwright/test";

import { seed } from "../e2e/seed.mjs";
import { startWorld } from "../e2e/world.mjs";

const folder = resolve(fileURLToPath(import.meta.url), "../../screenshots");
mkdirSync(folder, { recursive: true });
const world = await startWorld({ port: process.env.PORT && Number(process.env.PORT) });
const base = process.env.E2E_BASE ?? world.url;
const words = process.argv.slice(2);
let faults = 0;
try {
  const { workspace, email, password, invitation, ids } = await seed(world);
  const w = `/w/${workspace}`;
  const pages = {
    overview: w, setup: `${w}/setup?step=source`, "setup-sync": `${w}/setup?step=sync`,
    syncs: `${w}/syncs`, "sync-new": `${w}/syncs/new?model=${ids.customers}`,
    sync: `${w}/syncs/${ids.mail}`, "sync-guarded": `${w}/syncs/${ids.warehouse}`, "sync-preview": `${w}/syncs/${ids.mail}?tab=preview`, "sync-configuration": `${w}/syncs/${ids.mail}?tab=configuration`,
    runs: `${w}/runs`, run: `${w}/runs/${ids.first}`, "run-rejected": `${w}/runs/${ids.rejected}?tab=rejections`, "run-failed": `${w}/runs/${ids.failed}`, "run-guarded": `${w}/runs/${ids.guarded}`, "run-events": `${w}/runs/${ids.first}?tab=events`,
    models: `${w}/models`, model: `${w}/models/${ids.customers}`, sources: `${w}/sources`, source: `${w}/sources/${ids.source}`, "source-new": `${w}/sources/new`,
    destinations: `${w}/destinations`, destination: `${w}/destinations/${ids.destination}`, "destination-role": `${w}/destinations/${ids.broken}`,
    settings: `${w}/settings`, members: `${w}/settings?tab=members`, keys: `${w}/settings?tab=keys`, audit: `${w}/settings?tab=audit`, account: "/account",
    "not-found": `${w}/runs/run_0`, "sign-in": "/sign-in", "sign-up": "/sign-up", invitation: new URL(invitation).pathname + new URL(invitation).hash,
  };
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  const browser = await chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] });
  for (const [width, height] of [[1440, 900], [390, 844]]) {
    for (const colorScheme of ["light", "dark"]) {
      const context = await browser.newContext({ baseURL: base, colorScheme, viewport: { width, height } });
      await context.request.post("/v1/sign-in", { data: { email, password } });
      for (const [name, path] of Object.entries(pages)) {
        if (words.length > 0 && !words.some((word) => name.includes(word))) continue;
        const page = await context.newPage();
        page.on("pageerror", (error) => (console.log(`${name}: ${error.message}`), (faults += 1)));
        page.on("console", (message) => message.type() === "error" && !/status of 4\d\d/.test(message.text()) && (console.log(`${name}: ${message.text()}`), (faults += 1)));
        await page.goto(path);
        await page.waitForLoadState("networkidle");
        await page.waitForTimeout(name.startsWith("sync-") || name.startsWith("setup-") ? 1200 : 300);
        const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        if (over > 0) console.log(`${name}, ${width} px: ${over} px too wide`);
        await page.screenshot({ path: resolve(folder, `${name}-${width}-${colorScheme}.png`), fullPage: true });
        await page.close();
      }
      await context.close();
    }
  }
  await browser.close();
} finally {
  await world.stop();
}
if (faults > 0) process.exitCode = 1;
