// Makes screenshots of every page, light and dark, at 1440 and 390 px, into web/screenshots: `npm run screenshots [word ..]`
// makes those alone whose name has one of the words. Then look at them. `npm run pictures` makes those of the README instead.
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { chromium } from "@playwright/test";

import { pagesOf, seed } from "../e2e/seed.mjs";
import { settled } from "../e2e/settled.mjs";
import { openWorld } from "../e2e/world.mjs";

const pictures = process.argv.includes("--pictures");
const folder = resolve(fileURLToPath(import.meta.url), pictures ? "../../../.github/pictures" : "../../screenshots");
mkdirSync(folder, { recursive: true });
const world = await openWorld();
const base = process.env.E2E_BASE ?? world.url;
const words = process.argv.slice(2);
/** For the README: what to show of which page, and in which colors. */
const PICTURES = {
  message: { path: "sync-configuration", colorScheme: "light", show: (page) => page.getByText(/provisioned/).waitFor() },
  plan: { path: "sync-preview", colorScheme: "dark" },
  row: { path: "sync-timeline", colorScheme: "light", show: async (page) => (await page.getByLabel("id", { exact: true }).fill("730"), await page.getByRole("button", { name: "Find" }).click(), page.getByText("Sequence number").first().waitFor()) },
};
let faults = 0;
try {
  const seeded = await seed(world, pictures ? { email: "ann@example.com" } : {});
  const { email, password } = seeded;
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  const browser = await chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] });
  for (const [name, { path, colorScheme, show }] of Object.entries(pictures ? PICTURES : {})) {
    const context = await browser.newContext({ baseURL: base, colorScheme, viewport: { width: 1440, height: 900 }, reducedMotion: "reduce" });
    await context.request.post("/v1/sign-in", { data: { email, password } });
    const page = await context.newPage();
    await page.goto(pagesOf(seeded)[path]);
    await settled(page);
    await show?.(page);
    await settled(page);
    await page.screenshot({ path: resolve(folder, `${name}.png`) });
    await context.close();
  }
  for (const [width, height] of pictures ? [] : [[1440, 900], [390, 844]]) {
    for (const colorScheme of ["light", "dark"]) {
      const context = await browser.newContext({ baseURL: base, colorScheme, viewport: { width, height }, reducedMotion: "reduce" });
      await context.request.post("/v1/sign-in", { data: { email, password } });
      for (const [name, path] of Object.entries(pagesOf(seeded))) {
        if (words.length > 0 && !words.some((word) => name.includes(word))) continue;
        const shot = `${name}-${width}-${colorScheme}`;
        const page = await context.newPage();
        page.on("pageerror", (error) => (console.log(`${shot}: ${error.message}`), (faults += 1)));
        page.on("console", (message) => message.type() === "error" && !/status of 4\d\d/.test(message.text()) && (console.log(`${shot}: ${message.text()}`), (faults += 1)));
        await page.goto(path);
        await settled(page).catch(() => console.log(`${shot}: it still loads`));
        const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        if (over > 0) console.log(`${shot}: ${over} px too wide`);
        await page.screenshot({ path: resolve(folder, `${shot}.png`), fullPage: true });
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
