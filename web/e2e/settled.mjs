/** Waits until a page has read what it shows: until nothing has waited for a while, since one thing may ask for the next. */
export async function settled(page) {
  await page.waitForFunction(() => {
    const begun = document.querySelector("h1, [role=alert]");
    const waiting = document.querySelector("[role=status][aria-label=Loading], [aria-busy=true], [data-editor-waiting]");
    if (!begun || waiting || document.fonts.status !== "loaded") window.quietSince = undefined;
    else window.quietSince ??= performance.now();
    return window.quietSince !== undefined && performance.now() - window.quietSince > 250;
  });
}
