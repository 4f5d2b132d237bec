import type { Schemas } from "@/api/client";

import type { Raw } from "./exact";

/** What the log's part of the API answers; only that values of rows are kept as they came, see `exact.ts`. */
type With<T, Changed> = Omit<T, keyof Changed> & Changed;

export interface LogPage<T> {
  items: T[];
  next_cursor: string | null;
  /** Of a run that still works: for what comes later. */
  later_cursor: string | null;
  expired: boolean;
  damaged: DamagedObject[];
}

export type DamagedObject = Schemas["DamagedObject"];
export type Explained = Schemas["CallError"];
export type LoggedCall = Schemas["LoggedCall"];
export type LoggedBody = Schemas["LoggedBody"];
export type RecordOfCall = With<Schemas["RecordOfCall"], { key: Raw | null; element: Raw | null }>;
export type LoggedCallDetails = With<Schemas["LoggedCallDetails"], { in_request: RecordOfCall[] }>;
export type PlaceInCall = Schemas["PlaceInCall"];

export type RowOutcome = Schemas["LoggedRow"]["outcome"];
export const OUTCOMES: RowOutcome[] = ["delivered", "rejected", "unanswered", "deferred", "invalid"];
export type Operation = Schemas["Change"];
export const OPERATIONS: Operation[] = ["added", "changed", "removed"];

export type ColumnChange = With<Schemas["ColumnChange"], { before: Raw | null; after: Raw | null }>;
export type LoggedValues = With<Schemas["LoggedValues"], { previous: Raw | null; row: Raw | null; changes: ColumnChange[] }>;
export type LoggedRow = With<Schemas["LoggedRow"], { key: Raw | null; element: Raw | null; values?: LoggedValues }>;
export type Acknowledgement = Schemas["Acknowledgement"];
export type TimelineEntry = LoggedRow & { got_through: Acknowledgement | null };
export type RowAtPosition = With<Schemas["RowAtPosition"], { row: LoggedRow }>;
export type ErrorCode = Schemas["ErrorCode"];

export type RunReport = With<Schemas["RunReport"], { report: WorkerReport | null }>;

/** What the worker says of a run that has ended. The API leaves it open; an older worker may have left parts of it out. */
export interface WorkerReport {
  phases?: { phase: string; started_at: number }[];
  shards?: Record<string, { records: number; bytes: number; throttled: number }>;
  throughput?: Point[];
}

/** A part of the time of sending, in milliseconds since 1970. */
export interface Point {
  at: number;
  milliseconds: number;
  records: number;
  bytes: number;
  throttled: number;
}
