import type { ComponentType } from "react";

import type { Schemas } from "@/api/client";

import { Left } from "./Left";
import { CallsTab, LoggedRowsTab, ReportTab } from "./log/tabs";
import { RunEvents } from "./RunEvents";

type Run = Schemas["RunDetails"];

/** A view of a run beside its overview. Another one needs a line below, nothing else. */
export interface RunTab {
  /** In the address, as `?tab=`. */
  id: string;
  label: string;
  /** Stands behind the label; 0 is not shown. */
  count?: (run: Run) => number;
  body: ComponentType<{ run: Run }>;
}

export const RUN_TABS: RunTab[] = [
  { id: "rejections", label: "Rejections", count: (run) => run.counts?.rejected ?? 0, body: ({ run }) => <Left run={run} kind="rejections" /> },
  { id: "invalid", label: "Invalid rows", count: (run) => run.counts?.invalid ?? 0, body: ({ run }) => <Left run={run} kind="invalid-rows" /> },
  { id: "rows", label: "Rows", body: LoggedRowsTab },
  { id: "calls", label: "Calls", body: CallsTab },
  { id: "report", label: "Report", body: ReportTab },
  { id: "events", label: "Events", body: RunEvents },
];
