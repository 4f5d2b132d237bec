import { readFileSync } from "node:fs";

import type { Page } from "@playwright/test";
import { expect, test } from "@playwright/test";

import { startWorld } from "./world.mjs";

// ROWCAST_WORLD names a file with what `node e2e/world.mjs` printed, to use a service that runs already.
const file = process.env.ROWCAST_WORLD;
let world: Awaited<ReturnType<typeof startWorld>>;

// Not while the file is read: Playwright reads it in more than one process.
test.beforeAll(async () => {
  world = file ? { ...JSON.parse(readFileSync(file, "utf8")), stop: async () => undefined } : await startWorld();
});
test.afterAll(async () => world.stop());

async function typeInto(page: Page, editor: string, text: string) {
  await page.locator(`[data-editor="${editor}"] .cm-content`).click();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.insertText(text);
  await page.keyboard.press("Escape");
}

test("from signing up to records in the stream, and what a run says about them", async ({ page }) => {
  const broken: string[] = [];
  // Refused requests are part of the journey. And Chromium itself gives a style to text that replaces a selection in an
  // editor, which the policy takes away again and CodeMirror does not keep.
  const expected = /status of 4\d\d|Applying inline style .*sha256-QKuI2DMEEgLrZEiP6kW/;
  page.on("console", (message) => message.type() === "error" && !expected.test(message.text()) && broken.push(message.text()));
  page.on("pageerror", (error) => broken.push(error.message));

  await page.goto(`${process.env.E2E_BASE ?? world.url}/sign-up`);
  await page.getByLabel("E-mail").fill(`ann-${Date.now()}@example.com`);
  await page.getByLabel("Password").fill("a long sentence");
  await page.getByLabel("Name of your workspace").fill("Shop");
  await page.getByRole("button", { name: "Sign up" }).click();
  await expect(page.getByRole("heading", { name: "Set-up" })).toBeVisible();

  // Source: a mistake is told in words, and mended in the same form.
  await page.getByLabel("Name", { exact: true }).fill("shop database");
  await page.getByLabel("Host").fill(world.shop.host);
  await page.getByLabel("Port").fill(String(world.shop.port));
  await page.getByLabel("Database", { exact: true }).fill(world.shop.database);
  await page.getByLabel("User").fill("nobody");
  await page.getByLabel("Password").fill(world.shop.password);
  await page.getByLabel("Encryption").selectOption("disable");
  await page.getByRole("button", { name: "Save and test" }).click();
  await expect(page.getByRole("alert").first()).toContainText("nobody");
  await page.getByLabel("User").fill(world.shop.user);
  await page.getByRole("button", { name: "Save and test again" }).click();
  await expect(page.getByText("The connection works")).toBeVisible();
  await page.getByRole("button", { name: "Go on" }).click();

  // Model: rows with types, and a key that is guessed from the table and checked.
  await expect(page.getByRole("heading", { name: "Model", exact: true })).toBeVisible();
  await page.getByLabel("Name", { exact: true }).fill("customers");
  await typeInto(page, "Query", "select id, email, name, city, balance, born, tags from customers");
  await page.getByRole("button", { name: "Run the query" }).click();
  await expect(page.getByText(/No null and no duplicate/)).toBeVisible();
  await expect(page.getByRole("button", { name: "id", exact: true })).toHaveAttribute("aria-pressed", "true");
  await page.getByRole("button", { name: "Save the model" }).click();

  // Destination, then leaving the set-up and coming back to it.
  await expect(page.getByRole("heading", { name: "Destination", exact: true })).toBeVisible();
  await page.getByLabel("Name", { exact: true }).fill("our account");
  await page.getByLabel("Region").fill("eu-central-1");
  await page.getByText("An access key", { exact: true }).click();
  await page.getByLabel("Access key id").fill("AKIAIOSFODNN7EXAMPLE");
  await page.getByLabel("Secret access key").fill("example-of-a-secret");
  await page.getByText("Another endpoint than that of AWS").click();
  await page.getByLabel("Endpoint").fill(world.simulator);
  await page.getByRole("button", { name: "Save and verify" }).click();
  await expect(page.locator('[data-check="streams"]')).toHaveAttribute("data-state", "proved");
  await page.getByRole("link", { name: "Overview" }).first().click();
  await page.getByRole("link", { name: "Start the set-up" }).click();

  // Sync: a mistake in the template stands at its line, from the service.
  await page.getByLabel("Stream", { exact: true }).fill("customers");
  await expect(page.locator('[data-editor="Message"]')).toContainText("row.email");
  await typeInto(page, "Message", '{\n  "id": {{ row.id }},\n  "mail": {{ rwo.email }}\n}');
  await page.getByRole("button", { name: "Save without running" }).click();
  await expect(page.getByRole("alert").filter({ hasText: "Line 3" })).toBeVisible();
  await typeInto(page, "Message", '{\n  "op": {{ op }},\n  "id": {{ row.id }},\n  "mail": {{ row.email }},\n  "city": {{ row.city }},\n  "city_before": {{ previous.city }},\n  "event": {{ event.id }}\n}');
  await page.getByRole("button", { name: "Save and run" }).click();

  // Run: live to its end, and its numbers add up.
  await expect(page.getByRole("heading", { name: "Run of customers" })).toBeVisible();
  await expect(page.locator("main").getByText("succeeded", { exact: true })).toBeVisible({ timeout: 60_000 });
  await expect(page.getByText("1,200 delivered")).toBeVisible();
  await expect(page.getByText("records planned")).toContainText("1,200");
  const arrived = await (await fetch(`${world.simulator}/_simulator/streams/customers/records`)).json();
  expect(JSON.stringify(arrived).length).toBeGreaterThan(10_000);

  // The record as it would be, with its key, hash and predicted shard.
  await page.getByRole("link", { name: "customers", exact: true }).first().click();
  await page.getByRole("link", { name: "Preview" }).click();
  await expect(page.getByText("Nothing would be sent")).toBeVisible();
  await page.getByLabel("Of a full resync").check();
  await expect(page.getByText("128-bit hash")).toBeVisible();
  await expect(page.getByText("Predicted shard")).toBeVisible();
  expect(broken).toEqual([]);
});
