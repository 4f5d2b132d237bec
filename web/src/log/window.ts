/** Which rows of one height are seen, with some more at each end: `from` to before `to`. */
export function rowsSeen(scrolled: number, height: number, row: number, count: number, around: number): { from: number; to: number } {
  const first = Math.floor(Math.max(scrolled, 0) / row);
  const last = Math.ceil((Math.max(scrolled, 0) + height) / row);
  const to = Math.min(count, last + around);
  return { from: Math.max(0, Math.min(first - around, to)), to };
}

/** How far to scroll so that a row is seen whole; what is scrolled already where it is. */
export function scrollTo(at: number, scrolled: number, height: number, row: number): number {
  if (at * row < scrolled) return at * row;
  return (at + 1) * row > scrolled + height ? (at + 1) * row - height : scrolled;
}
