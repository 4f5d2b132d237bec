// Makes screenshots of every page, light and dark, at 1440 and 390 px, into web/screenshots: `npm run screenshots [word ..]`
// makes those alone whose name has one of the words. Then look at them. `npm run pictures` makes those of the README instead.
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { chromium } from "@playwright/test";

import { signUp } from "../e2e/account.mjs";
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
/** The same pages when there is nothing, when it does not come, and when it cannot be had. */
const STATES = [
  ["empty", ["overview", "setup", "syncs", "runs", "models", "sources", "destinations", "log"]],
  ["loading", ["overview", "sync", "run", "run-rows", "run-report", "model", "destination", "log"]],
  ["error", ["overview", "sync", "run", "run-rows", "run-report", "model", "destination", "audit"]],
];
/** Lets the answers of the API wait or fail, but for those that the frame of a page needs. */
async function disturb(page, name) {
  const state = STATES.map(([each]) => each).find((each) => name.endsWith(`-${each}`));
  if (state !== "loading" && state !== "error") return;
  const problem = { type: "/problems/internal", title: "Internal error", status: 500, detail: "The service could not answer. It is not your fault; try again.", code: "internal", request_id: "req_example" };
  await page.route(/\/v1\/workspaces\/[^/]+\/./, (route) => (state === "error" ? route.fulfill({ status: 500, contentType: "application/problem+json", body: JSON.stringify(problem) }) : undefined));
}
let faults = 0;
try {
  const seeded = await seed(world, pictures ? { email: "ann@example.com" } : {});
  const { email, password } = seeded;
  const nothing = await signUp(world, { name: "Empty" });
  const empty = { workspace: nothing.workspace, ids: seeded.ids, invitation: seeded.invitation };
  const { link } = await nothing.call("POST", `${nothing.w}/invitations`, { role: "admin" });
  await seeded.call("POST", "/v1/invitations/accept", { token: new URL(link).hash.slice(1) });
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
      for (const [name, path] of [...Object.entries(pagesOf(seeded)), ...STATES.flatMap(([state, names]) => names.map((page) => [`${page}-${state}`, pagesOf(state === "empty" ? empty : seeded)[page]]))]) {
        if (words.length > 0 && !words.some((word) => name.includes(word))) continue;
        const shot = `${name}-${width}-${colorScheme}`;
        const page = await context.newPage();
        page.on("pageerror", (error) => (console.log(`${shot}: ${error.message}`), (faults += 1)));
        page.on("console", (message) => message.type() === "error" && !(name.endsWith("-error") ? /status of [45]\d\d/ : /status of 4\d\d/).test(message.text()) && (console.log(`${shot}: ${message.text()}`), (faults += 1)));
        await disturb(page, name);
        await page.goto(path);
        if (name.endsWith("-loading")) await page.locator("main").getByRole("status", { name: "Loading" }).first().waitFor();
        else await settled(page).catch(() => console.log(`${shot}: it still loads`));
        const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        if (over > 0) console.log(`${shot}: ${over} px too wide`);
        // As high as the page is: what sticks to the bottom of a window would else lie in the middle of the picture.
        const whole = await page.evaluate(() => document.documentElement.scrollHeight);
        if (whole > height) await page.setViewportSize({ width, height: Math.min(whole, 4000) });
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
