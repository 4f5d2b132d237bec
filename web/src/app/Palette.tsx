import type { KeyboardEvent, ReactElement } from "react";
import { useMemo, useState } from "react";

import { useChange, useWhole, W } from "@/api/hooks";
import type { Place } from "@/app/links";
import { useNavigate } from "@/app/links";
import { positionText } from "@/log/place";
import { Dialog } from "@/ui/Dialog";
import { cx } from "@/ui/cx";
import { failed } from "@/ui/toast";

import type { Command } from "./commands";
import { matching, typed } from "./commands";
import { usePlaces } from "./places";
import { mayAs, useSurroundings } from "./workspace";

/** Go to anything by typing a part of its name, its id, the key of a row, or a place in a stream. */
export default function Palette({ onClose }: { onClose: () => void }): ReactElement {
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const special = useTyped(text);
  const found = [...special.first, ...matching(useCommands(), text), ...special.last].slice(0, 12);
  const choose = (command: Command | undefined) => {
    if (!command) return;
    onClose();
    command.run();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") setChosen((at) => Math.min(at + 1, found.length - 1));
    else if (event.key === "ArrowUp") setChosen((at) => Math.max(at - 1, 0));
    else if (event.key === "Enter") choose(found[chosen]);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog open onClose={onClose} title="Go to">
      <input
        role="combobox"
        aria-expanded
        aria-controls="palette"
        aria-activedescendant={found[chosen] ? `palette-${chosen}` : undefined}
        aria-label="Search pages, syncs, models and more"
        autoFocus
        value={text}
        placeholder="A page, a name, an id, the key of a row …"
        onChange={(event) => (setText(event.target.value), setChosen(0))}
        onKeyDown={onKeyDown}
        className="h-9 w-full rounded-md border border-line-strong bg-surface px-3"
      />
      <ul id="palette" role="listbox" aria-label="Found" className="mt-2 max-h-80 overflow-y-auto">
        {found.map((command, at) => (
          <li key={command.id} id={`palette-${at}`} role="option" aria-selected={at === chosen} onMouseMove={() => setChosen(at)} onClick={() => choose(command)} className={cx("flex cursor-pointer items-center justify-between gap-4 rounded px-2 py-1.5", at === chosen && "bg-hover")}>
            <span className="truncate">{command.label}</span>
            <span className="shrink-0 text-xs text-faint">{command.kind}</span>
          </li>
        ))}
        {found.length === 0 && <li className="px-2 py-3 text-muted">Nothing is called like that.</li>}
      </ul>
    </Dialog>
  );
}

/** What a text that is no part of a name leads to: before what has such a name, and after it. */
function useTyped(text: string): { first: Command[]; last: Command[] } {
  const places = usePlaces();
  const navigate = useNavigate();
  const syncs = useWhole(`${W}/syncs`).data;
  const models = useWhole(`${W}/models`).data;
  const found = typed(text);
  const go = (label: string, place: Place | undefined): Command[] => (place ? [{ id: `typed-${label}`, label, kind: "find", run: () => void navigate(place) }] : []);
  if (!found) return { first: [], last: [] };
  if ("id" in found) return { first: go(`Open ${found.id}`, places.thing(found.id)), last: [] };
  if ("position" in found) return { first: go(`Find the record ${found.position.sequenceNumber.slice(0, 8)}… of ${found.position.shard}`, places.log({ at: positionText(found.position) })), last: [] };
  const last = (syncs ?? []).flatMap((sync) => {
    const key = models?.find(({ id }) => id === sync.model)?.key;
    return key?.length === 1 ? go(`Find row ${found.key} of ${sync.name}`, places.timeline(sync.id, JSON.stringify({ [key[0] ?? ""]: found.key }))) : [];
  });
  return { first: [], last };
}

function useCommands(): Command[] {
  const places = usePlaces();
  const navigate = useNavigate();
  const { workspace } = useSurroundings();
  const { mutateAsync: start } = useChange("post", `${W}/syncs/{sync_id}/runs`, [`${W}/syncs`, `${W}/runs`]);
  const syncs = useWhole(`${W}/syncs`).data;
  const models = useWhole(`${W}/models`).data;
  const sources = useWhole(`${W}/sources`).data;
  const destinations = useWhole(`${W}/destinations`).data;
  return useMemo(() => {
    const page = (label: string, place: Parameters<typeof navigate>[0], kind = "page"): Command => ({ id: `${kind}-${label}-${JSON.stringify(place)}`, label, kind, run: () => void navigate(place) });
    const run = (id: string, name: string): Command => ({ id: `run-${id}`, label: `Run ${name} now`, kind: "run", run: () => void start({ path: { sync_id: id }, body: { kind: "normal" } }).then((made) => navigate(places.run(made.run.id)), failed) });
    const create = mayAs(workspace.role, "editor")
      ? [page("New sync", places.newSync(), "create"), page("New model", places.newModel(), "create"), page("New source", places.newSource(), "create"), page("New destination", places.newDestination(), "create"), page("Guided set-up", places.setup(), "create")]
      : [];
    return [
      page("Overview", places.overview()), page("Syncs", places.syncs()), page("Runs", places.runs()), page("Models", places.models()),
      page("Sources", places.sources()), page("Destinations", places.destinations()),
      page("Log: find a row or a record", places.log()),
      page("Settings", places.settings()), page("Members", places.settings("members")), page("API keys", places.settings("keys")), page("Audit log", places.settings("audit")),
      page("Account", { to: "/account" }),
      ...create,
      ...(syncs ?? []).map((each) => page(each.name, places.sync(each.id), "sync")),
      ...(mayAs(workspace.role, "editor") ? (syncs ?? []).map((each) => run(each.id, each.name)) : []),
      ...(models ?? []).map((each) => page(each.name, places.model(each.id), "model")),
      ...(sources ?? []).map((each) => page(each.name, places.source(each.id), "source")),
      ...(destinations ?? []).map((each) => page(each.name, places.destination(each.id), "destination")),
    ];
  }, [places, navigate, start, workspace.role, syncs, models, sources, destinations]);
}
