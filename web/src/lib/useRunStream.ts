import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import type { Schemas } from "@/api/client";
import { W } from "@/api/client";

export interface Progress {
  phase: "waiting" | "reading" | "comparing" | "sending" | "finishing";
  counts: Schemas["Counts"];
  calls: number;
  throttled: number;
  scratch_bytes: number;
}

/** A run as it happens, by server-sent events. The browser connects again by itself, from the last event that came. */
export function useRunStream(workspace: string, run: string, live: boolean): { progress: Progress | undefined; connected: boolean } {
  const [state, setState] = useState<{ run: string; progress: Progress | undefined; connected: boolean }>({ run, progress: undefined, connected: false });
  const queries = useQueryClient();
  useEffect(() => {
    if (!live) return undefined;
    const source = new EventSource(`/v1/workspaces/${encodeURIComponent(workspace)}/runs/${encodeURIComponent(run)}/stream`);
    const refresh = () => {
      for (const path of [`${W}/runs/{run_id}`, `${W}/runs/{run_id}/events`, `${W}/runs`, `${W}/syncs`]) void queries.invalidateQueries({ predicate: (query) => query.queryKey[0] === path });
    };
    source.addEventListener("open", () => setState((before) => ({ ...before, run, connected: true })));
    source.addEventListener("error", () => setState((before) => ({ ...before, connected: false })));
    source.addEventListener("progress", (event) => setState({ run, connected: true, progress: JSON.parse((event as MessageEvent<string>).data) as Progress }));
    source.addEventListener("run-event", refresh);
    source.addEventListener("ended", () => (source.close(), refresh(), setState((before) => ({ ...before, connected: false }))));
    return () => source.close();
  }, [workspace, run, live, queries]);
  return { progress: state.run === run ? state.progress : undefined, connected: state.connected };
}
