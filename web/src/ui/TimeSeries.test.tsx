import { render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test, vi } from "vitest";

import type { Step } from "./steps";
import { corners, spanText, stepAt } from "./steps";
import { TimeSeries } from "./TimeSeries";

// There is no canvas here.
vi.mock("./Plot", () => ({ default: () => null }));

const STEPS: Step[] = [{ from: 0, to: 1, values: [0, 10] }, { from: 1, to: 2, values: [5, 20] }, { from: 4, to: 5, values: [0, 30] }];

test("series lie upon each other, and between two parts there is nothing", () => {
  expect(corners(STEPS, 2)).toEqual([[0, 1, 2, 4, 5], [10, 25, 0, 30, 0], [10, 20, 0, 30, 0]]);
  expect(corners([], 1)).toEqual([[], []]);
  expect(corners([{ from: 0, to: 2, values: [1] }, { from: 1.9, to: 3, values: [2] }], 1)[0]).toEqual([0, 1.9, 3]);
  expect([stepAt(STEPS, -1), stepAt(STEPS, 1.5), stepAt(STEPS, 3), stepAt([], 1)]).toEqual([0, 1, 1, undefined]);
});

test("distances are told in what a whole of their size is counted in", () => {
  expect([spanText(0.25, 1), spanText(10, 20), spanText(0.5, 3), spanText(90, 300), spanText(120, 300), spanText(5_400, 20_000)]).toEqual(["250 ms", "10 s", "0.5 s", "1:30 min", "2 min", "1:30 h"]);
});

test("a moment is chosen by keys and told in UTC, and all of them are there as a table", async () => {
  render(<TimeSeries label="Records a second" start={Date.UTC(2026, 10, 21, 9, 14, 3, 120)} steps={STEPS} lines={[{ name: "refused", color: "bad-fill", fill: "" }, { name: "taken", color: "info-fill", fill: "" }]} text={(value) => `${value}/s`} summary="none refused" />);
  const slider = screen.getByRole("slider", { name: "Records a second: a moment" });
  expect(slider.getAttribute("aria-valuetext")).toBe("none refused");
  slider.focus();
  await userEvent.keyboard("{ArrowRight}{ArrowRight}");
  expect(slider.getAttribute("aria-valuetext")).toBe("20/s taken, 5/s refused at 2026-11-21 09:14:04.120 UTC");
  await userEvent.keyboard("{End}{ArrowRight}");
  expect(slider.getAttribute("aria-valuenow")).toBe("2");
  await userEvent.keyboard("{Escape}");
  expect(slider.getAttribute("aria-valuetext")).toBe("none refused");
  await userEvent.click(screen.getByText("As a table"));
  const rows = within(await screen.findByRole("table", { name: "Records a second, as a table" })).getAllByRole("row");
  expect(rows.slice(1).map((row) => within(row).getAllByRole("cell").map((cell) => cell.textContent))).toEqual([
    ["2026-11-21T09:14:03.120Z", "1.0 s", "10/s", "0/s"],
    ["2026-11-21T09:14:04.120Z", "1.0 s", "20/s", "5/s"],
    ["2026-11-21T09:14:07.120Z", "1.0 s", "30/s", "0/s"],
  ]);
});
