import type { Schemas } from "@/api/client";

type Body = Schemas["SyncBody"];
export type Field = Schemas["MappedField"];

/** What the form edits. All ways of making a message are kept side by side, so that trying another loses nothing. */
export interface SyncValue {
  name: string;
  model: string;
  destination: string;
  stream: string;
  way: "json" | "fields" | "all" | "column";
  json: string;
  column: string;
  fields: Field[];
  partition: { way: "column" | "template"; text: string };
  hash: { way: "none" | "column" | "template"; text: string };
  triggers: { added: boolean; changed: boolean; removed: boolean };
  first_run: Schemas["FirstRun"];
  watch: { way: "used" | "all" | "columns"; columns: string[] };
  values: Schemas["KeepValues"];
  numbers: Record<string, "number" | "string">;
  schedule: Schemas["Schedule"];
  guards: { removed_percent: number; removed_more_than: number };
  limits: { record_bytes: number; call_bytes: number; call_records: number };
  /** Whether messages share records (KPL aggregation). */
  aggregate: boolean;
  /** The array column whose elements make a message each; empty where a row makes one. */
  fanOut: string;
  missing: Schemas["Missing"];
  log: Schemas["Log"];
}

export const NEW_SYNC: SyncValue = {
  name: "", model: "", destination: "", stream: "",
  way: "json", json: "", column: "", fields: [],
  partition: { way: "column", text: "" },
  hash: { way: "none", text: "" },
  triggers: { added: true, changed: true, removed: true },
  first_run: "send-all",
  watch: { way: "used", columns: [] },
  values: "used",
  numbers: {},
  schedule: { type: "manual" },
  guards: { removed_percent: 20, removed_more_than: 100 },
  limits: { record_bytes: 1 << 20, call_bytes: 5 << 20, call_records: 500 },
  aggregate: false,
  fanOut: "",
  missing: "error",
  log: { rows: "full", bodies: "failures", sample: 100 },
};

export function syncBody(value: SyncValue): Body {
  const { name, model, destination, stream, first_run, values, numbers, schedule, guards, limits, triggers, missing, aggregate, log } = value;
  return {
    name, model, destination, stream, first_run, values, numbers, schedule, guards, limits, triggers, missing, aggregate, log,
    ...(value.fanOut === "" ? {} : { fan_out: { column: value.fanOut } }),
    message: messageOf(value),
    partition_key: value.partition.way === "column" ? { column: value.partition.text } : { template: value.partition.text },
    ...(value.hash.way === "none" ? {} : { hash_key: value.hash.way === "column" ? { column: value.hash.text } : { template: value.hash.text } }),
    watch: value.watch.way === "columns" ? { columns: value.watch.columns } : value.watch.way,
  };
}

function messageOf({ way, json, column, fields }: SyncValue): Schemas["Message"] {
  if (way === "json") return { json };
  if (way === "column") return { column };
  return { fields: way === "all" ? "all" : fields };
}

export function syncValue(sync: Schemas["Sync"]): SyncValue {
  const { name, model, destination, stream, message, first_run, values, numbers, schedule, missing, aggregate } = sync;
  const expression = (of: Schemas["Expression"]) => ("column" in of ? { way: "column" as const, text: of.column } : { way: "template" as const, text: of.template });
  const fields = "fields" in message ? message.fields : undefined;
  return {
    ...NEW_SYNC,
    name, model, destination, stream, first_run, values, numbers, schedule, missing, aggregate,
    ...("json" in message ? { way: "json" as const, json: message.json } : {}),
    ...("column" in message ? { way: "column" as const, column: message.column } : {}),
    ...(fields === undefined ? {} : fields === "all" ? { way: "all" as const } : { way: "fields" as const, fields: fields as Field[] }),
    partition: expression(sync.partition_key),
    hash: sync.hash_key ? expression(sync.hash_key) : NEW_SYNC.hash,
    triggers: { ...NEW_SYNC.triggers, ...sync.triggers },
    watch: typeof sync.watch === "string" ? { way: sync.watch, columns: [] } : { way: "columns", columns: sync.watch.columns },
    guards: { ...NEW_SYNC.guards, ...sync.guards },
    limits: { ...NEW_SYNC.limits, ...sync.limits },
    fanOut: sync.fan_out?.column ?? "",
    log: { ...NEW_SYNC.log, ...sync.log },
  };
}

/** Whether there is a field for a fault at this pointer. */
export function hasField(pointer: string): boolean {
  return /^\/(name|model|destination|stream|message|partition_key|hash_key|schedule|watch|guards|limits|numbers|fan_out|aggregate|log)\b/.test(pointer);
}
