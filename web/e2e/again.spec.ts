import { ownSync, signUp, sql } from "./account.mjs";
import { base, expect, signIn, test, world } from "./parts";

test("a rejected row is dismissed, the others are sent again, and a whole run with the values of then", async ({ page }) => {
  const ann = await signUp(world);
  const { sync, table } = await ownSync(world, ann, { table: "again", stream: "customers", rows: 20, more: { limits: { record_bytes: 256 } }, json: '{ "id": {{ row.id }}, "name": {{ row.name }} }' });
  await sql(world.shop.socket, `update ${table} set name = repeat('long ', 100) where id > 115`);
  const first = await ann.run(sync);
  await signIn(page, ann);
  await page.goto(`${base}/w/${ann.workspace}/runs/${first.id}?tab=rejections`);
  await page.getByLabel("Choose 116").check();
  await page.getByRole("button", { name: "Dismiss 1 row" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Dismiss" }).click();
  await expect(page.locator("main").getByText("succeeded", { exact: true })).toBeVisible();
  await expect(page.getByText("0 records planned")).toBeVisible();

  await sql(world.shop.socket, `update ${table} set name = 'short' where id > 116`);
  await page.goto(`${base}/w/${ann.workspace}/runs/${first.id}?tab=rejections&code=record-too-large`);
  await page.getByRole("button", { name: "Send all with record-too-large again now" }).click();
  await expect(page.getByText("4 delivered")).toBeVisible();

  await page.goto(`${base}/w/${ann.workspace}/runs/${first.id}`);
  await page.getByRole("button", { name: "Send its rows again" }).click();
  await page.getByRole("menuitem", { name: "With the values of then" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Send them again" }).click();
  await expect(page.getByText("15 delivered")).toBeVisible();
});
