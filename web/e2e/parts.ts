import type { Locator, Page } from "@playwright/test";
import { expect, test as plain } from "@playwright/test";

export interface World {
  url: string;
  simulator: string;
  shop: { host: string; port: number; database: string; user: string; password: string; socket: string };
}

// Set before the workers begin, by global.ts.
export const world = JSON.parse(process.env.E2E_WORLD ?? "{}") as World;
/** Where the pages come from: the service, or `vite preview` while they are worked on. */
export const base = process.env.E2E_BASE ?? world.url;

// Refused requests are part of the journeys. And Chromium itself gives a style to text that replaces a selection in an editor,
// which the policy takes away again and CodeMirror does not keep.
const EXPECTED = /status of 4\d\d|Applying inline style .*sha256-QKuI2DMEEgLrZEiP6kW/;

/** A page that fails its test when anything went wrong in it that the test does not speak of. */
export const test = plain.extend<{ sound: void }>({
  baseURL: base,
  sound: [
    async ({ page }, use, test) => {
      const broken: string[] = [];
      page.on("console", (message) => message.type() === "error" && !EXPECTED.test(message.text()) && broken.push(message.text()));
      page.on("pageerror", (error) => broken.push(error.message));
      await use();
      // Where it stood: a picture is out of reach where only the output is kept.
      if (test.status !== test.expectedStatus) console.log(`${page.url()}\n${await page.locator("body").innerText()}`);
      expect(broken).toEqual([]);
    },
    { auto: true },
  ],
});

export async function signIn(page: Page, { email, password }: { email: string; password: string }): Promise<void> {
  await page.context().request.post(`${base}/v1/sign-in`, { data: { email, password } });
}

export function editor(page: Page, name: string): Locator {
  return page.locator(`[data-editor="${name}"] .cm-content`);
}

export async function write(page: Page, name: string, text: string): Promise<void> {
  await editor(page, name).click();
  await replace(page, text);
}

/** Puts `text` in place of what the focused field holds. */
export async function replace(page: Page, text: string): Promise<void> {
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.insertText(text);
  await page.keyboard.press("Escape");
}

/** Goes on with the Tab key until `target` has the focus, as somebody without a mouse would. */
export async function tabTo(page: Page, target: Locator, { back = false } = {}): Promise<void> {
  await target.waitFor();
  for (let tries = 0; tries < 120; tries += 1) {
    const there = await target.evaluate((element) => (element.getRootNode() as Document | ShadowRoot).activeElement === element);
    if (there) return;
    await page.keyboard.press(back ? "Shift+Tab" : "Tab");
  }
  throw new Error(`the Tab key does not reach ${target}`);
}

export { expect };
