import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import type { Page } from "@playwright/test";
import type { AxeResults, RunOptions } from "axe-core";

import { base, expect, signIn, test, world } from "./parts";
import { pagesOf, seed } from "./seed.mjs";
import { settled } from "./settled.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const PARTS = 4;

test.describe.configure({ mode: "serial" });

let seeded: Awaited<ReturnType<typeof seed>>;
test.beforeAll(async () => {
  seeded = await seed(world, { rounds: 1 });
});

// In parts, so that each has time enough on a machine that has much else to do.
for (let part = 1; part <= PARTS; part += 1) {
  test(`no page has a barrier that axe finds, light or dark, part ${part} of ${PARTS}`, async ({ page }) => {
    test.setTimeout(300_000);
    await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
    await signIn(page, seeded);
    const found: string[] = [];
    for (const [name, path] of Object.entries(pagesOf(seeded)).filter((_, at) => at % PARTS === part - 1)) {
      await page.goto(`${base}${path}`);
      await settled(page);
      found.push(...(await barriers(page, `${name}, light`)));
      // Dark has other colors, and nothing else.
      await page.emulateMedia({ colorScheme: "dark" });
      await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
      found.push(...(await barriers(page, `${name}, dark`, { runOnly: ["color-contrast"] })));
      await page.emulateMedia({ colorScheme: "light" });
    }
    expect(found).toEqual([]);
  });
}

test("nor has what opens above a page, or a page on a phone", async ({ page }) => {
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  await signIn(page, seeded);
  const found: string[] = [];
  // What opens above a page belongs to none of its landmarks.
  const above = { rules: { region: { enabled: false } } };
  const pages = pagesOf(seeded);
  await page.goto(`${base}${pages.sync}`);
  await settled(page);
  await page.keyboard.press("ControlOrMeta+k");
  await expect(page.getByRole("combobox")).toBeFocused();
  found.push(...(await barriers(page, "palette", above)));
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "More" }).click();
  await expect(page.getByRole("menu")).toBeVisible();
  found.push(...(await barriers(page, "menu", above)));
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await expect(page.getByRole("dialog")).toBeVisible();
  found.push(...(await barriers(page, "a question", above)));
  await page.goto(`${base}${pages.members}`);
  await page.getByRole("button", { name: "Invite" }).click();
  await expect(page.getByRole("dialog")).toBeVisible();
  found.push(...(await barriers(page, "a form above the page", above)));

  await page.setViewportSize({ width: 390, height: 844 });
  for (const name of ["overview", "run", "sync-configuration"] as const) {
    await page.goto(`${base}${pages[name]}`);
    await settled(page);
    found.push(...(await barriers(page, `${name}, phone`)));
  }
  await page.getByRole("button", { name: "Menu" }).click();
  found.push(...(await barriers(page, "navigation, phone")));
  expect(found).toEqual([]);
});

async function barriers(page: Page, name: string, options: RunOptions = {}): Promise<string[]> {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate((given) => (window as unknown as { axe: { run: (options: RunOptions) => Promise<AxeResults> } }).axe.run(given), options);
  return violations.flatMap((violation) => violation.nodes.map((node) => `${name}: ${violation.id}: ${node.target.join(" ")}: ${node.failureSummary?.replaceAll(/\s+/g, " ")}`));
}
