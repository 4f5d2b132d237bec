import { ownSync, signUp } from "./account.mjs";
import { base, expect, signIn, test, world } from "./parts";

test("the throughput of a run is looked at by keys, and a row of it is found from the palette", async ({ page }) => {
  const account = await signUp(world);
  await signIn(page, account);
  const { sync } = await ownSync(world, account, { table: "watched", stream: "orders" });
  const run = await account.run(sync);

  await page.goto(`${base}/w/${account.workspace}/runs/${run.id}`);
  await expect(page.locator(".uplot canvas")).toBeVisible();
  const moments = page.getByRole("slider", { name: "Records a second: a moment" });
  await moments.focus();
  await page.keyboard.press("ArrowRight");
  await expect(moments).toHaveAttribute("aria-valuetext", /taken, 0\/s refused at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} UTC/);
  await page.getByText("As a table").click();
  await expect(page.getByRole("table", { name: "Records a second, as a table" }).getByRole("row").nth(1)).toContainText(/\d\/s/);
  // The phases have their times beside them.
  await expect(page.getByRole("list", { name: "Phases" })).toContainText(/Send\s*[\d.]+ m?s/);

  await page.keyboard.press("ControlOrMeta+k");
  const palette = page.getByRole("combobox", { name: /Search/ });
  await expect(palette).toBeFocused();
  await page.keyboard.type("107");
  await expect(page.getByRole("option", { name: "Find row 107 of watched" })).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(page.getByText("Sequence number").first()).toBeVisible();
  await page.keyboard.press("ControlOrMeta+k");
  await expect(palette).toBeFocused();
  await page.keyboard.type("run watched");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Run of watched" })).toBeVisible();
});

test("whoever sets up a sync learns how many rows the first run would send", async ({ page }) => {
  const account = await signUp(world);
  await signIn(page, account);
  const { model } = await ownSync(world, account, { table: "counted", stream: "orders" });
  await page.goto(`${base}/w/${account.workspace}/syncs/new?model=${model}`);
  await page.getByRole("button", { name: "Count them" }).click();
  await expect(page.getByText("Sends every row: 1,000 rows now")).toBeVisible();
});

test("the debug log is kept for as long as the workspace says", async ({ page }) => {
  const account = await signUp(world);
  await signIn(page, account);
  await page.goto(`${base}/w/${account.workspace}/settings`);
  await page.getByLabel("Kept for (days)").fill("7");
  const section = page.locator("section", { has: page.getByRole("heading", { name: "Debug log" }) });
  await section.getByRole("button", { name: "Save" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete what is older" }).click();
  await expect(page.getByText("The debug log is kept for 7 days.")).toBeVisible();
  await page.reload();
  await expect(page.getByLabel("Kept for (days)")).toHaveValue("7");
});
