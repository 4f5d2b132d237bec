import { existsSync } from "node:fs";

import { defineConfig } from "@playwright/test";

const chromium = process.env.CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) => existsSync(path));
if (!chromium) throw new Error("Chromium is missing: apt-get install -y --no-install-recommends chromium, or name one with CHROMIUM");

export default defineConfig({
  testDir: "e2e",
  globalSetup: "./e2e/global.ts",
  // Journeys share one service, which may run on slow cores beside much else.
  timeout: 180_000,
  globalTimeout: 900_000,
  expect: { timeout: 30_000 },
  // They wait for the service more than for the browser.
  workers: 2,
  forbidOnly: true,
  // One that passes at its second try is listed as flaky.
  retries: 1,
  reporter: "list",
  outputDir: "test-results",
  use: {
    viewport: { width: 1440, height: 900 },
    actionTimeout: 30_000,
    trace: process.env.E2E_TRACE ? "retain-on-failure" : "off",
    screenshot: "only-on-failure",
    launchOptions: { executablePath: chromium, args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] },
  },
});
