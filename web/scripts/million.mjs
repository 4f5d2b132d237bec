// How a run of a million rows is to look through: how smoothly its rows and calls scroll, and how soon a row is found, by the
// browser's own clock. Prints a table for README.md: `npm run million [rows]`. Take an optimized service: ROWCAST_BIN names it.
import { chromium } from "@playwright/test";

import { signUp, simulator } from "../e2e/account.mjs";
import { settled } from "../e2e/settled.mjs";
import { startWorld } from "../e2e/world.mjs";

const ROWS = Number(process.argv[2] ?? 1_000_000);
const SCROLLING = 10_000;
const world = await startWorld({ customers: ROWS });
const part = (values, share) => values.toSorted((one, other) => one - other)[Math.floor(values.length * share)] ?? Number.NaN;
try {
  const ann = await signUp(world);
  await simulator(world, "POST", "limits", { records_per_second: null, bytes_per_second: null });
  const model = await ann.model(await ann.source(), "people", "select id, email, name, city from people");
  const sync = await ann.sync("everyone", model, await ann.destination(), "customers", '{ "id": {{ row.id }}, "email": {{ row.email }}, "city": {{ row.city }} }');
  console.log(`sending ${ROWS.toLocaleString("en-US")} rows ...`);
  const { run } = await ann.call("POST", `${ann.w}/syncs/${sync}/runs`, { kind: "normal" });
  let now = run;
  while (now.state === "queued" || now.state === "running") {
    await new Promise((done) => setTimeout(done, 1_000));
    now = await ann.call("GET", `${ann.w}/runs/${run.id}`);
  }
  if (now.state !== "succeeded") throw new Error(`the run has ended as ${now.state}: ${now.reason?.text}`);
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] });
  const context = await browser.newContext({ baseURL: process.env.E2E_BASE ?? world.url, viewport: { width: 1440, height: 900 } });
  await context.request.post("/v1/sign-in", { data: { email: ann.email, password: ann.password } });
  const page = await context.newPage();
  console.log(`took ${Math.round((new Date(now.ended_at) - new Date(now.started_at)) / 1000)} s\n\n| what | figure |\n|---|---|`);
  for (const tab of ["rows", "calls"]) {
    const opened = Date.now();
    await page.goto(`/w/${ann.workspace}/runs/${run.id}?tab=${tab}`);
    await page.getByRole("row").nth(2).waitFor();
    console.log(`| ${tab}: the first of them are there after | ${Date.now() - opened} ms |`);
    await settled(page);
    const frames = await scroll();
    console.log(`| ${tab}: time between frames while scrolling for ${SCROLLING / 1000} s, median, 95th and 99th part | ${[0.5, 0.95, 0.99].map((share) => `${part(frames, share).toFixed(0)} ms`).join(", ")} |`);
    const height = await page.getByRole("rowgroup").evaluate((group) => group.clientHeight);
    console.log(`| ${tab}: so many were loaded meanwhile | ${Math.round(height / 34).toLocaleString("en-US")} |`);
  }
  const times = [];
  for (let at = 1; at <= 5; at += 1) {
    await page.goto(`/w/${ann.workspace}/syncs/${sync}/rows`);
    await page.getByLabel("id", { exact: true }).fill(String(Math.floor((ROWS * at) / 6)));
    const asked = Date.now();
    await page.getByRole("button", { name: "Find" }).click();
    await page.getByText("Sequence number").first().waitFor();
    times.push(Date.now() - asked);
  }
  console.log(`| one row by its key, to its timeline on the screen, median of 5 | ${part(times, 0.5)} ms |`);
  const heap = await page.evaluate(() => performance.memory?.usedJSHeapSize ?? 0);
  console.log(`| memory of the page at the end | ${Math.round(heap / 2 ** 20)} MiB |`);
  await browser.close();

  /** Turns the wheel, as somebody who looks for something would, and gives the times between frames. */
  async function scroll() {
    await page.getByRole("row").nth(2).hover();
    await page.evaluate(() => {
      window.frames_ = [];
      let before = performance.now();
      const frame = (at) => {
        window.frames_.push(at - before);
        before = at;
        window.frame_ = requestAnimationFrame(frame);
      };
      window.frame_ = requestAnimationFrame(frame);
    });
    for (const until = Date.now() + SCROLLING; Date.now() < until; ) {
      await page.mouse.wheel(0, 900);
      await page.waitForTimeout(40);
    }
    return page.evaluate(() => (cancelAnimationFrame(window.frame_), window.frames_.slice(1)));
  }
} finally {
  await world.stop();
}
