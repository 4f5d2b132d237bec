import type { Locator, Page } from "@playwright/test";

import { newEmail } from "./account.mjs";
import { base, editor, expect, replace, tabTo, test, world } from "./parts";

/** Goes to a field by Tab and types into it. */
async function type(page: Page, field: Locator, text: string) {
  await tabTo(page, field);
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type(text);
}

async function press(page: Page, button: Locator, key = "Enter") {
  await tabTo(page, button);
  await page.keyboard.press(key);
}

test("from signing up to records in the stream, by keyboard alone", async ({ page }) => {
  const label = (name: string) => page.getByLabel(name, { exact: true });
  await page.goto(`${base}/sign-up`);
  await expect(page.getByLabel("E-mail")).toBeFocused();
  await page.keyboard.type(newEmail("keys"));
  await type(page, page.getByLabel("Password"), "a long sentence");
  await type(page, page.getByLabel("Name of your workspace"), "Shop");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Set-up" })).toBeVisible();

  // The first Tab of a page leads past the sidebar.
  await press(page, page.getByRole("link", { name: "Skip to the page" }));
  await type(page, label("Name"), "shop database");
  await type(page, page.getByLabel("Host"), world.shop.host);
  await type(page, page.getByLabel("Port"), String(world.shop.port));
  await type(page, label("Database"), world.shop.database);
  await type(page, page.getByLabel("User"), world.shop.user);
  await type(page, page.getByLabel("Password"), world.shop.password);
  await tabTo(page, page.getByLabel("Encryption"));
  await page.keyboard.type("disable");
  await expect(page.getByLabel("Encryption")).toHaveValue("disable");
  await press(page, page.getByRole("button", { name: "Save and test" }));
  await expect(page.getByText("The connection works")).toBeVisible();
  await press(page, page.getByRole("button", { name: "Go on" }));

  await expect(page.getByRole("heading", { name: "Model", exact: true })).toBeVisible();
  await type(page, label("Name"), "customers");
  await tabTo(page, editor(page, "Query"));
  await replace(page, "select id, email, name, city from people where id between 101 and 1100");
  await page.keyboard.press("ControlOrMeta+Enter");
  await expect(page.getByText(/No null and no duplicate/)).toBeVisible();
  // Tab indents in an editor; Escape before it leaves the editor.
  await page.keyboard.press("Escape");
  await press(page, page.getByRole("button", { name: "Save the model" }));

  await expect(page.getByRole("heading", { name: "Destination", exact: true })).toBeVisible();
  await type(page, label("Name"), "our account");
  await type(page, page.getByLabel("Region"), "eu-central-1");
  await page.keyboard.press("Escape");
  await tabTo(page, page.getByRole("radio", { name: "A role in your account" }));
  await page.keyboard.press("ArrowDown");
  await type(page, page.getByLabel("Access key id"), "AKIAIOSFODNN7EXAMPLE");
  await type(page, page.getByLabel("Secret access key"), "example-of-a-secret");
  await press(page, page.locator("summary", { hasText: "Another endpoint than that of AWS" }));
  await type(page, page.getByLabel("Endpoint"), world.simulator);
  await press(page, page.getByRole("button", { name: "Save and verify" }));
  await expect(page.locator('[data-check="streams"]')).toHaveAttribute("data-state", "proved");
  await press(page, page.getByRole("button", { name: "Go on" }));

  await expect(editor(page, "Message")).toContainText("row.email");
  await type(page, label("Stream"), "customers");
  await page.keyboard.press("Escape");
  await tabTo(page, editor(page, "Message"));
  await page.keyboard.press("Escape");
  await press(page, page.getByRole("button", { name: "Save and run" }));
  await expect(page.getByRole("heading", { name: "Run of customers" })).toBeVisible();
  await expect(page.locator("main").getByText("succeeded", { exact: true })).toBeVisible({ timeout: 90_000 });
  await expect(page.getByText("1,000 delivered")).toBeVisible();

  // The palette, from anywhere, to the sync by a part of its name.
  await page.keyboard.press("ControlOrMeta+k");
  await expect(page.getByRole("combobox", { name: /Search/ })).toBeFocused();
  await page.keyboard.type("sync customers");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "customers", exact: true })).toBeVisible();
  // One row through the log, to its shard and sequence number.
  await press(page, page.getByRole("link", { name: "A row", exact: true }));
  await type(page, page.getByLabel("id", { exact: true }), "107");
  await press(page, page.getByRole("link", { name: "Its timeline" }));
  const entry = page.getByRole("article", { name: /^delivered/ });
  await expect(entry).toContainText(/shardId-\d{12}/);
  await expect(entry).toContainText(/\d{50,}/);
  await press(page, page.getByRole("link", { name: "customers", exact: true }));
  await press(page, page.getByRole("link", { name: "Configuration" }));
  await expect(editor(page, "Message")).toContainText("row.email");
});
