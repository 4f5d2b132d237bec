/** A path of these pages to go on to; anything that could lead to another site becomes the start page. */
export function localPath(path: string | undefined): string {
  if (!path || !/^\/(?![/\\])/.test(path)) return "/";
  try {
    const there = new URL(path, window.location.origin);
    return there.origin === window.location.origin ? there.pathname + there.search + there.hash : "/";
  } catch {
    return "/";
  }
}
