import { caller, newEmail, ownSync, PASSWORD, signUp } from "./account.mjs";
import { base, editor, expect, signIn, test, world, write } from "./parts";

test("a viewer joins by a link, sees everything, and may not edit", async ({ page }) => {
  const account = await signUp(world);
  const { sync } = await ownSync(world, account, { table: "looked_at", stream: "orders", rows: 20 });
  const { link } = await account.call("POST", `${account.w}/invitations`, { role: "viewer" });
  const invited = new URL(link);
  await page.goto(`${base}${invited.pathname}${invited.hash}`);
  await expect(page.getByText("You are invited as viewer.")).toBeVisible();
  await page.getByLabel("E-mail").fill(newEmail("viewer"));
  await page.getByLabel("Choose a password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign up and join" }).click();
  await expect(page.getByRole("heading", { name: "Overview" })).toBeVisible();

  await page.goto(`${base}/w/${account.workspace}/syncs/${sync}`);
  const run = page.getByRole("button", { name: "Run now" });
  await expect(run).toHaveAttribute("aria-disabled", "true");
  await run.hover();
  await expect(page.getByText("This needs the role editor; yours here is viewer.")).toBeVisible();
  // Pressing it all the same does nothing.
  await run.click({ force: true });
  await expect(page.getByText("It has not run yet.")).toBeVisible();
  await page.getByRole("link", { name: "Configuration" }).click();
  await expect(editor(page, "Message")).toContainText("row.email");
  await expect(page.getByRole("button", { name: "Save", exact: true })).toHaveAttribute("aria-disabled", "true");
});

test("a session ends in the middle of editing, and no text is lost", async ({ page }) => {
  const account = await signUp(world);
  await signIn(page, account);
  const { sync } = await ownSync(world, account, { table: "edited", stream: "orders", rows: 20 });
  await page.goto(`${base}/w/${account.workspace}/syncs/${sync}?tab=configuration`);
  await expect(editor(page, "Message")).toContainText("row.email");
  const text = '{ "id": {{ row.id }}, "written": "before the session ended" }';
  await write(page, "Message", text);

  // The owner signs out everywhere, from another browser.
  const elsewhere = caller(world);
  await elsewhere("POST", "/v1/sign-in", { email: account.email, password: PASSWORD });
  await elsewhere("POST", "/v1/sign-out-everywhere");
  // The page may have noticed by itself already; then the dialog stands above the button.
  await page.getByRole("button", { name: "Save", exact: true, includeHidden: true }).dispatchEvent("click");
  const dialog = page.getByRole("dialog", { name: "Your session has ended" });
  await expect(dialog).toBeVisible();
  await dialog.getByLabel("Password").fill("not the password");
  await dialog.getByRole("button", { name: "Sign in" }).click();
  await expect(dialog.getByRole("alert")).toBeVisible();
  await dialog.getByLabel("Password").fill(PASSWORD);
  await dialog.getByRole("button", { name: "Sign in" }).click();
  await expect(dialog).toBeHidden();
  await expect(editor(page, "Message")).toContainText("before the session ended");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByText("The sync is saved.")).toBeVisible();
  await page.reload();
  await expect(editor(page, "Message")).toContainText("before the session ended");
});
