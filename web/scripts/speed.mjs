// How fast the pages are on a slow machine: a processor that is slowed down four times, with the network of this machine and
// with a slow mobile one, each load with an empty cache. Prints medians as a table for README.md: `npm run speed [times]`.
import { chromium } from "@playwright/test";

import { pagesOf, seed } from "../e2e/seed.mjs";
import { settled } from "../e2e/settled.mjs";
import { openWorld } from "../e2e/world.mjs";

const SLOWER = 4;
// What Lighthouse takes for a phone.
const SLOW_NETWORK = { offline: false, latency: 150, downloadThroughput: (1.6 * 1024 * 1024) / 8, uploadThroughput: (750 * 1024) / 8 };
const TIMES = Number(process.argv[2] ?? 5);
const PAGES = ["sign-in", "overview", "run", "sync-configuration"];

const world = await openWorld();
const base = process.env.E2E_BASE ?? world.url;
const median = (values) => values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)];
try {
  const seeded = await seed(world, { rounds: 2 });
  const pages = pagesOf(seeded);
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] });
  console.log(`${TIMES} times each, processor ${SLOWER} times slower than that of this machine, empty cache\n`);
  console.log("| page | first contentful paint | largest | the same, slow network | bytes |\n|---|---|---|---|---|");
  for (const name of PAGES) {
    const local = [];
    const slow = [];
    for (let time = 0; time < TIMES; time += 1) {
      local.push(await load(pages[name]));
      slow.push(await load(pages[name], SLOW_NETWORK));
    }
    const of = (found, what) => `${Math.round(median(found.map((each) => each[what])))} ms`;
    console.log(`| ${name} | ${of(local, "first")} | ${of(local, "largest")} | ${of(slow, "first")}, ${of(slow, "largest")} | ${Math.round(median(local.map(({ bytes }) => bytes)) / 1024)} KiB |`);
  }
  const delays = [];
  for (let time = 0; time < TIMES; time += 1) delays.push(await interact());
  console.log("\n| interaction | to the next paint |\n|---|---|");
  for (const what of Object.keys(delays[0])) console.log(`| ${what} | ${Math.round(median(delays.map((each) => each[what])))} ms |`);
  await browser.close();

  async function visit(path, network) {
    const context = await browser.newContext({ baseURL: base, viewport: { width: 1440, height: 900 } });
    const { email, password } = seeded;
    if (path !== pages["sign-in"]) await context.request.post("/v1/sign-in", { data: { email, password } });
    const page = await context.newPage();
    await page.addInitScript(() => {
      window.largest = 0;
      window.events = [];
      new PerformanceObserver((list) => list.getEntries().forEach((entry) => (window.largest = entry.startTime))).observe({ type: "largest-contentful-paint", buffered: true });
      // Durations of events are told in steps of 8 ms.
      new PerformanceObserver((list) => window.events.push(...list.getEntries().filter((entry) => entry.interactionId).map((entry) => entry.duration))).observe({ type: "event", durationThreshold: 16, buffered: true });
    });
    const session = await context.newCDPSession(page);
    await session.send("Network.enable");
    await session.send("Emulation.setCPUThrottlingRate", { rate: SLOWER });
    if (network) await session.send("Network.emulateNetworkConditions", network);
    let bytes = 0;
    session.on("Network.loadingFinished", (event) => (bytes += event.encodedDataLength));
    await page.goto(path);
    await settled(page);
    return { context, page, bytes: () => bytes };
  }

  async function load(path, network) {
    const { context, page, bytes } = await visit(path, network);
    const found = await page.evaluate(() => ({ first: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? Number.NaN, largest: window.largest }));
    await context.close();
    return { ...found, bytes: bytes() };
  }

  /** The longest delay of what somebody does: of each key, of each click. */
  async function interact() {
    const { context, page } = await visit(pages["sync-configuration"]);
    const found = {};
    const measure = async (what, act) => {
      await page.evaluate(() => void (window.events = []));
      await act();
      // Events are told after the paint that follows them.
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 300))));
      found[what] = await page.evaluate(() => Math.max(0, ...window.events));
    };
    await measure("typing into the message editor", async () => {
      await page.locator('[data-editor="Message"] .cm-content').click();
      await page.keyboard.type('  "more": 1', { delay: 60 });
    });
    await measure("opening the palette", async () => {
      await page.keyboard.press("Control+k");
      await page.getByRole("combobox", { name: /^Search/ }).waitFor();
    });
    await measure("typing into the palette", () => page.keyboard.type("customers", { delay: 60 }));
    await page.keyboard.press("Escape");
    await measure("opening a preset", async () => {
      await page.getByRole("button", { name: "Start from a preset" }).click();
      await page.getByRole("button", { name: "Use it" }).waitFor();
    });
    await page.keyboard.press("Escape");
    await measure("going to another page", async () => {
      await page.getByRole("link", { name: "Runs" }).first().click();
      await page.getByRole("button", { name: "Leave and lose it" }).click();
    });
    await context.close();
    return found;
  }
} finally {
  await world.stop();
}
