import { ownSync, signUp, simulator, sql } from "./account.mjs";
import { base, expect, signIn, test, world } from "./parts";

test("a guarded removal is looked at and approved", async ({ page }) => {
  const account = await signUp(world);
  await signIn(page, account);
  const { table, sync } = await ownSync(world, account, { table: "guarded", stream: "orders" });
  await account.run(sync);
  await sql(world.shop.socket, `delete from ${table} where id > 400`);

  await page.goto(`${base}/w/${account.workspace}/syncs/${sync}`);
  await page.getByRole("button", { name: "Run now" }).click();
  await expect(page.getByRole("heading", { name: "Run of guarded" })).toBeVisible();
  const question = page.locator("main").getByText("Guarded: 700 rows of 1,000 (70.0%) would be removed");
  await expect(question).toBeVisible({ timeout: 90_000 });
  await page.getByText(/The first \d+ keys/).click();
  await page.getByRole("button", { name: "Approve removing 700 rows" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Approve removing 700 rows" }).click();
  await expect(question).toBeHidden();
  await expect(page.locator("main").getByText("succeeded", { exact: true })).toBeVisible({ timeout: 90_000 });
  await expect(page.getByText("700 delivered")).toBeVisible();
});

test("a run is cancelled, and the next one sends the rest", async ({ page }) => {
  const account = await signUp(world);
  await signIn(page, account);
  // Ten records a call, and the stream answers slowly.
  const { sync } = await ownSync(world, account, { table: "slow", stream: "slow", more: { limits: { call_records: 10 } } });
  await simulator(world, "POST", "faults", [{ operation: "PutRecords", stream: "slow", effect: { latency: { ms: 2000 } } }]);
  await page.goto(`${base}/w/${account.workspace}/syncs/${sync}`);
  await page.getByRole("button", { name: "Run now" }).click();
  await expect(page.getByText(/of 1,000 records delivered/)).toBeVisible({ timeout: 90_000 });
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel the run" }).click();
  await expect(page.locator("main").getByText("cancelled", { exact: true }).first()).toBeVisible({ timeout: 90_000 });
  await simulator(world, "DELETE", "faults");
  await page.getByRole("button", { name: /^Run again/ }).click();
  await expect(page.locator("main").getByText("succeeded", { exact: true })).toBeVisible({ timeout: 90_000 });
});
