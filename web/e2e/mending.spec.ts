import { signUp, simulator } from "./account.mjs";
import { base, editor, expect, signIn, test, world, write } from "./parts";

test("a role with a wrong trust policy is corrected half-way", async ({ page }) => {
  const account = await signUp(world);
  await signIn(page, account);
  const arn = "arn:aws:iam::000000000000:role/rowcast-of-the-shop";
  const right = await account.call("GET", `${account.w}/aws-setup?region=eu-central-1&account=000000000000&role_name=rowcast-of-the-shop`);
  const open = structuredClone(right.trust_policy);
  for (const statement of open.Statement) delete statement.Condition;
  const role = { arn, trust_policy: open, permission_policy: right.permission_policy };
  await simulator(world, "POST", "roles", [role]);

  // The page shows what to put into the role, to be copied.
  await page.goto(`${base}/w/${account.workspace}/destinations/new`);
  await page.getByLabel("Region").fill("eu-central-1");
  await page.getByLabel("Your AWS account").fill("000000000000");
  await page.getByLabel("Name of the role").fill("rowcast-of-the-shop");
  await page.getByRole("button", { name: "Policies" }).click();
  await expect(page.getByRole("region", { name: "Trust policy" })).toContainText(right.external_id);

  await page.getByLabel("Name", { exact: true }).fill("by role");
  await page.getByLabel("ARN of the role").fill(arn);
  await page.getByText("Another endpoint than that of AWS").click();
  await page.getByLabel("Endpoint").fill(world.simulator);
  await page.getByRole("button", { name: "Save and verify" }).click();
  const check = (name: string) => page.locator(`[data-check="${name}"]`);
  await expect(check("assumed")).toHaveAttribute("data-state", "proved");
  await expect(check("without")).toHaveAttribute("data-state", "failed");
  await expect(check("without")).toContainText("Add the condition on sts:ExternalId");
  await expect(page.getByRole("button", { name: "Go on without the proof" })).toBeVisible();

  // Meanwhile somebody mends the trust policy in AWS.
  await simulator(world, "POST", "roles", [{ ...role, trust_policy: right.trust_policy }]);
  await page.getByLabel("Try it on this stream").fill("customers");
  await page.getByRole("button", { name: "Verify again", exact: true }).click();
  for (const name of ["assumed", "without", "wrong", "streams", "put"]) await expect(check(name)).toHaveAttribute("data-state", "proved");
  await page.getByRole("button", { name: "Go on", exact: true }).click();
  await expect(page.getByRole("heading", { name: "by role" })).toBeVisible();
});

test("an error of a template stands at its line, and is fixed in the editor", async ({ page }) => {
  const account = await signUp(world);
  await signIn(page, account);
  const source = await account.source();
  const model = await account.model(source, "customers", "select id, email, name, city from people where id <= 10");
  const destination = await account.destination();
  await page.goto(`${base}/w/${account.workspace}/syncs/new?model=${model}&destination=${destination}`);
  await page.getByLabel("Stream", { exact: true }).fill("customers");
  await expect(editor(page, "Message")).toContainText("row.email");

  // Beside it is the record that it makes of a row, and follows what is typed.
  const preview = page.getByRole("complementary", { name: "Preview" });
  const message = preview.getByRole("region", { name: "Message as it would be sent" });
  await expect(message).toContainText('"op": "added"');
  await expect(preview.getByText(/^shardId-\d{12}$/)).toBeVisible();
  await preview.getByRole("button", { name: "removed", exact: true }).click();
  await expect(message).toContainText('"op": "removed"');
  await expect(preview.getByText(/provisioned/)).toBeVisible();

  // While it is typed: a column that is not there.
  await write(page, "Message", '{\n  "id": {{ row.id }},\n  "mail": {{ row.mail }}\n}');
  await expect(page.getByText("Line 3, column 11: The model has no column mail.")).toBeVisible();
  // What only the service knows, too; the last record stays in sight.
  await write(page, "Message", '{\n  "id": {{ row.id }},\n  "mail": {{ row.email | shout }}\n}');
  await expect(preview.getByRole("status", { name: "What is wrong" })).toContainText("Line 3, column 26");
  await expect(message).toContainText('"op": "removed"');
  // And when it is saved.
  await page.getByRole("button", { name: "Save without running" }).click();
  await expect(page.getByRole("alert").filter({ hasText: "Line 3" })).toContainText("shout");
  await expect(page.locator('[data-editor="Message"] .cm-lintRange-error')).toContainText("s");
  await write(page, "Message", '{\n  "op": {{ op }},\n  "id": {{ row.id }},\n  "mail": {{ row.email | upcase }}\n}');
  await expect(message).toContainText(/CUSTOMER\d+@EXAMPLE\.COM/);
  // The times of a schedule, before it is one.
  await page.getByText("Cron", { exact: true }).click();
  await page.getByLabel("Expression").fill("30 25 * * *");
  await expect(page.getByRole("alert").filter({ hasText: "25" })).toBeVisible();
  await page.getByLabel("Expression").fill("30 6 * * *");
  await page.getByRole("combobox", { name: "Time zone" }).fill("Asia/Tokyo");
  await expect(page.getByText("Next, in Asia/Tokyo:")).toBeVisible();
  await expect(page.getByRole("listitem").filter({ hasText: /0?6:30/ })).toHaveCount(5);
  await page.getByText("By hand", { exact: true }).click();
  await page.getByRole("button", { name: "Save without running" }).click();
  await expect(page.getByRole("heading", { name: "customers", exact: true })).toBeVisible();
  await page.getByRole("link", { name: "Preview" }).click();
  await expect(page.getByRole("region", { name: "Message" })).toContainText(/CUSTOMER\d+@EXAMPLE\.COM/);
});
