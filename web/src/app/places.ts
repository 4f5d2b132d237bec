import type { RegisteredRouter } from "@tanstack/react-router";
import { useMemo } from "react";

import type { Place } from "./links";
import { useWorkspaceId } from "./workspace";

type Path = keyof RegisteredRouter["routesByPath"] & string;
type Search = Record<string, string | undefined>;

/** Addresses within the workspace that is shown, for links and for going there. */
export function usePlaces() {
  const ws = useWorkspaceId();
  return useMemo(() => placesOf(ws), [ws]);
}

export function placesOf(ws: string) {
  const at = (to: Path, params: Record<string, string> = {}, search: Search = {}): Place => ({ to, params: { ws, ...params }, search });
  return {
    overview: () => at("/w/$ws"),
    setup: (search: Search = {}) => at("/w/$ws/setup", {}, search),
    syncs: () => at("/w/$ws/syncs"),
    newSync: (search: { model?: string; destination?: string } = {}) => at("/w/$ws/syncs/new", {}, search),
    sync: (sync: string, tab?: string) => at("/w/$ws/syncs/$sync", { sync }, tab ? { tab } : {}),
    timeline: (sync: string, key?: string) => at("/w/$ws/syncs/$sync/rows", { sync }, key ? { key } : {}),
    log: (search: { at?: string; stream?: string } = {}) => at("/w/$ws/log", {}, search),
    runs: (search: { state?: string } = {}) => at("/w/$ws/runs", {}, search),
    run: (run: string, search: Search = {}) => at("/w/$ws/runs/$run", { run }, search),
    models: () => at("/w/$ws/models"),
    newModel: (search: { source?: string } = {}) => at("/w/$ws/models/new", {}, search),
    model: (model: string) => at("/w/$ws/models/$model", { model }),
    sources: () => at("/w/$ws/sources"),
    newSource: () => at("/w/$ws/sources/new"),
    source: (source: string) => at("/w/$ws/sources/$source", { source }),
    destinations: () => at("/w/$ws/destinations"),
    newDestination: () => at("/w/$ws/destinations/new"),
    destination: (destination: string) => at("/w/$ws/destinations/$destination", { destination }),
    /** The page of what has this id, if there is one. */
    thing: (id: string): Place | undefined => {
      const pages: Record<string, [Path, string]> = { syn: ["/w/$ws/syncs/$sync", "sync"], run: ["/w/$ws/runs/$run", "run"], mdl: ["/w/$ws/models/$model", "model"], src: ["/w/$ws/sources/$source", "source"], dst: ["/w/$ws/destinations/$destination", "destination"] };
      const page = pages[id.split("_")[0] ?? ""];
      return page && at(page[0], { [page[1]]: id });
    },
    settings: (tab?: string, search: Search = {}) => at("/w/$ws/settings", {}, tab ? { tab, ...search } : search),
  };
}
