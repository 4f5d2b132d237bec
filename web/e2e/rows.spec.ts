import { ownSync, signUp } from "./account.mjs";
import { base, editor, expect, signIn, test, world } from "./parts";

test("one row is sent by its key, and its values are erased", async ({ page }) => {
  const account = await signUp(world);
  await signIn(page, account);
  const { sync } = await ownSync(world, account, { table: "one_row", stream: "orders", rows: 20 });
  await account.run(sync);
  await page.goto(`${base}/w/${account.workspace}/syncs/${sync}`);
  await page.getByRole("link", { name: "A row", exact: true }).click();
  await expect(page.getByRole("button", { name: "Send this row now" })).toHaveAttribute("aria-disabled", "true");
  await page.getByLabel("id", { exact: true }).fill("107");
  await page.getByRole("button", { name: "Send this row now" }).click();
  await expect(page.getByRole("heading", { name: "Run of one_row" })).toBeVisible();
  await expect(page.locator("main").getByText("succeeded", { exact: true })).toBeVisible({ timeout: 90_000 });
  await expect(page.getByText("1 delivered")).toBeVisible();

  await page.goto(`${base}/w/${account.workspace}/syncs/${sync}?tab=rows`);
  await page.getByLabel("id", { exact: true }).fill("107");
  await page.getByRole("button", { name: "Erase its values" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByRole("button", { name: "Erase its values" })).toHaveAttribute("aria-disabled", "true");
  await dialog.getByRole("textbox").fill("107");
  await dialog.getByRole("button", { name: "Erase its values" }).click();
  await expect(page.locator("main").getByText("succeeded", { exact: true })).toBeVisible({ timeout: 90_000 });
  // As far as the sync is concerned it was never there.
  await page.goto(`${base}/w/${account.workspace}/syncs/${sync}?tab=preview`);
  await expect(page.getByText("Record of 107")).toBeVisible();
});

test("a preset fills the message, and its columns are compared with those of the model", async ({ page }) => {
  const account = await signUp(world);
  await signIn(page, account);
  const { sync } = await ownSync(world, account, { table: "preset", stream: "orders", rows: 20 });
  await page.goto(`${base}/w/${account.workspace}/syncs/${sync}?tab=configuration`);
  await expect(editor(page, "Message")).toContainText("row.email");
  await page.getByRole("button", { name: "Start from a preset" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Adobe profile export" }).click();
  await expect(dialog.getByText("The model has no such column.").first()).toBeVisible();
  await dialog.getByLabel("With names").check();
  await expect(dialog.getByRole("region", { name: "Message of the preset" })).toContainText("name");
  await dialog.getByRole("button", { name: "CloudEvents 1.0" }).click();
  await dialog.getByRole("button", { name: "Use it" }).click();
  await expect(editor(page, "Message")).toContainText("specversion");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByText("The sync is saved.")).toBeVisible();
  await expect(page.getByRole("region", { name: "Message" })).toContainText('"specversion": "1.0"');
});
