import { newEmail } from "./account.mjs";
import { base, editor, expect, test, world, write } from "./parts";

test("from signing up to records in the stream, by mouse", async ({ page }) => {
  await page.goto(`${base}/sign-up`);
  await page.getByLabel("E-mail").fill(newEmail("mouse"));
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
  await write(page, "Query", "select id, email, name, city, balance, born, tags from people where id between 101 and 1100");
  await page.getByRole("button", { name: "Run the query" }).click();
  await expect(page.getByText(/No null and no duplicate/)).toBeVisible();
  await expect(page.getByRole("button", { name: "id", exact: true })).toHaveAttribute("aria-pressed", "true");
  await expect(page.getByLabel("Connections")).toHaveValue("1");
  await page.getByLabel("Connections").fill("2");
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

  // Sync, to the run at its end, whose numbers add up.
  await page.getByLabel("Stream", { exact: true }).fill("customers");
  await expect(editor(page, "Message")).toContainText("row.email");
  await page.getByRole("button", { name: "Save and run" }).click();
  await expect(page.getByRole("heading", { name: "Run of customers" })).toBeVisible();
  await expect(page.locator("main").getByText("succeeded", { exact: true })).toBeVisible({ timeout: 90_000 });
  await expect(page.getByText("1,000 delivered")).toBeVisible();
  await expect(page.getByText("records planned")).toContainText("1,000");
  const arrived = await (await fetch(`${world.simulator}/_simulator/streams/customers/records`)).json();
  expect(JSON.stringify(arrived).length).toBeGreaterThan(10_000);

  // The record as it would be, with its key, hash and predicted shard.
  await page.getByRole("link", { name: "customers", exact: true }).first().click();
  await page.getByRole("link", { name: "Preview" }).click();
  await expect(page.getByText("Nothing would be sent")).toBeVisible();
  await page.getByLabel("Of a full resync").check();
  await expect(page.getByText("128-bit hash")).toBeVisible();
  await expect(page.getByText("Predicted shard")).toBeVisible();

  // One row through the log: where its record is, as the stream itself has it.
  await page.getByRole("link", { name: "A row", exact: true }).click();
  await page.getByLabel("id", { exact: true }).fill("107");
  await page.getByRole("link", { name: "Its timeline" }).click();
  const entry = page.getByRole("article", { name: /^delivered/ });
  await expect(entry).toContainText(/shardId-\d{12} as predicted/);
  const number = /\d{50,}/.exec(await entry.innerText())?.[0];
  expect(JSON.stringify(arrived).split(`"${number}"`)).toHaveLength(2);
  // The same the other way round: from its place to the row.
  await entry.getByRole("link", { name: /call/ }).first().click();
  await expect(page.getByText("PutRecords").first()).toBeVisible();
});
