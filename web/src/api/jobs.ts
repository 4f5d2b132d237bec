import type { Schemas } from "./client";
import { request, W } from "./client";
import { Problem } from "./problem";

export type Job = Schemas["Job"];

/** The shapes of what jobs find. The document leaves them open, because they go by the kind. */
export interface TestReport {
  server_version: string;
  user: string;
  database: string;
  tls: boolean;
  superuser: boolean;
  may_write: boolean;
  roles: string[];
  latency_ms: number;
  warnings: string[];
}
export interface TableColumn {
  name: string;
  source_type: string;
  nullable: boolean;
  key: boolean;
}
export interface Catalog {
  schemas: { name: string; tables: { name: string; kind: string; columns: TableColumn[] }[] }[];
  truncated: boolean;
}
export interface Column {
  name: string;
  kind: unknown;
  source_type: string;
}
export interface KeyCheck {
  rows: number;
  complete: boolean;
  null_rows: number;
  duplicate_keys: number;
  null_example: unknown[] | null;
  duplicate_example: unknown[] | null;
  finding: string;
}
export interface QueryResult {
  columns: Column[];
  rows: unknown[][];
  cut: "rows" | "bytes" | null;
  key_check: KeyCheck | null;
}
export interface StreamItem {
  name: string;
  arn: string;
  created_at: string | null;
}
export interface Finding<T = unknown> {
  result: "works" | "not-permitted" | "failed" | "inconclusive" | "not-tried";
  detail?: T;
}
export interface RoleAttempt {
  result: "assumed" | "refused" | "inconclusive";
  reason?: string;
}
export interface Verification {
  role?: { right: RoleAttempt; without: RoleAttempt; wrong: RoleAttempt };
  role_verdict?: "accepted" | "trusts-everyone" | "trusts-without-external-id" | "refused" | "inconclusive";
  streams: Finding;
  put: Finding;
  details: Finding;
  shards: Finding;
}
export interface Shard {
  id: string;
  first_hash_key: string;
  last_hash_key: string;
}
export interface Described {
  stream: StreamItem;
  details: { found?: { open_shards: number; mode?: string; retention_hours: number; distributes_by_itself: boolean }; problem?: string };
  shards: { found?: Shard[]; problem?: string };
}
/** What a job found, with its id: other requests take what it found by that. */
export type Found<T> = T & { job: string };
export interface PreviewRecord {
  op: Schemas["Change"];
  key: unknown;
  partition_key: string;
  explicit_hash_key: string | null;
  hash_key: string | null;
  bytes: number;
  data: string;
  /** Values as texts of JSON, to the last digit: acknowledged last, and as read. */
  before: string | null;
  after: string | null;
}
/** Which columns a sync uses, as the service tells it of one that is read by itself. */
export type ColumnsUsed = "all" | string[];
export interface ColumnUses {
  watched: ColumnsUsed;
  previous: boolean;
}
export interface RunPreview {
  counts: Schemas["Counts"];
  questions: string[];
  records: PreviewRecord[];
  records_total: number;
  bytes_total: number;
  cost?: Schemas["RunCost"];
  rejections: { op: Schemas["Change"]; key: unknown; code: string; message: string }[];
  rejected_by_code: Record<string, number>;
  stand_ins: string[];
}

/** The work could not be done; `code` says why. */
export class JobFailed extends Problem {
  constructor(job: Job) {
    const { code, detail } = job.problem ?? { code: job.state, detail: `The work ended as ${job.state}. Try again.` };
    super({ status: 0, code, title: "It did not work", detail });
  }
}

/** How long to wait for a place among the jobs that a workspace may have open, and between two tries. */
const PATIENCE = 60_000;
const AGAIN = 700;

/** Starts a job. A workspace may have few of them open, and a page may want more at once: then it waits for its turn. */
export async function opened(start: () => Promise<Job>, signal?: AbortSignal): Promise<Job> {
  const until = Date.now() + PATIENCE;
  for (;;) {
    try {
      return await start();
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== "quota-exceeded" || Date.now() > until) throw error;
    }
    await new Promise((done) => setTimeout(done, AGAIN));
    signal?.throwIfAborted();
  }
}

/** Follows a job to its end, and gives what it found. */
export async function finished<T>(workspace: string, started: Promise<Job>, signal?: AbortSignal): Promise<Found<T>> {
  let job = await started;
  while (job.state === "queued" || job.state === "running") {
    await new Promise((done) => setTimeout(done, AGAIN));
    signal?.throwIfAborted();
    job = await request("get", `${W}/jobs/{job_id}`, { path: { workspace_id: workspace, job_id: job.id }, ...(signal ? { signal } : {}) });
  }
  if (job.state !== "succeeded") throw new JobFailed(job);
  return { ...(job.result as T), job: job.id };
}
