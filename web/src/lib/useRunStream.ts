import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import type { Schemas } from "@/api/client";
import { W } from "@/api/client";
import type { Sample } from "@/log/live";
import { withSample } from "@/log/live";

export interface Progress {
  phase: "waiting" | "reading" | "comparing" | "sending" | "finishing";
  counts: Schemas["Counts"];
  calls: number;
  throttled: number;
  scratch_bytes: number;
}

interface Live {
  progress: Progress | undefined;
  connected: boolean;
  /** Since the page was opened. */
  samples: Sample[];
}

const NONE: Sample[] = [];

/** A run as it happens, by server-sent events. The browser connects again by itself, from the last event that came. */
export function useRunStream(workspace: string, run: string, live: boolean): Live {
  const [state, setState] = useState<Live & { run: string }>({ run, progress: undefined, connected: false, samples: [] });
  const queries = useQueryClient();
  useEffect(() => {
    if (!live) return undefined;
    const source = new EventSource(`/v1/workspaces/${encodeURIComponent(workspace)}/runs/${encodeURIComponent(run)}/stream`);
    const refresh = () => {
      for (const path of [`${W}/runs/{run_id}`, `${W}/runs/{run_id}/events`, `${W}/runs`, `${W}/syncs`]) void queries.invalidateQueries({ predicate: (query) => query.queryKey[0] === path });
    };
    source.addEventListener("open", () => setState((before) => ({ ...before, run, connected: true })));
    source.addEventListener("error", () => setState((before) => ({ ...before, connected: false })));
    source.addEventListener("progress", (event) => {
      const progress = JSON.parse((event as MessageEvent<string>).data) as Progress;
      const sample = { at: Date.now(), delivered: progress.counts.delivered, throttled: progress.throttled };
      setState((before) => ({ run, connected: true, progress, samples: progress.phase === "sending" || before.samples.length > 0 ? withSample(before.samples, sample) : [] }));
    });
    source.addEventListener("run-event", refresh);
    source.addEventListener("ended", () => (source.close(), refresh(), setState((before) => ({ ...before, connected: false }))));
    return () => source.close();
  }, [workspace, run, live, queries]);
  return { progress: state.run === run ? state.progress : undefined, connected: state.connected, samples: state.run === run ? state.samples : NONE };
}
