import { useSearch } from "@tanstack/react-router";
import { Check } from "lucide-react";
import type { ReactElement } from "react";
import { useState } from "react";

import { useWhole, W } from "@/api/hooks";
import type { Verification } from "@/api/jobs";
import { Link, useNavigate } from "@/app/links";
import { Page } from "@/app/Page";
import { usePlaces } from "@/app/places";
import { Button } from "@/ui/Button";
import { cx } from "@/ui/cx";
import { Section } from "@/ui/bits";
import { Loaded } from "@/ui/states";

import { DestinationCreator } from "./DestinationCreator";
import { ModelCreator } from "./ModelCreator";
import { SourceCreator } from "./SourceCreator";
import { SyncCreator } from "./SyncCreator";
import { usable } from "./verification";

const STEPS = [
  { id: "source", title: "Source", about: "Where the rows are." },
  { id: "model", title: "Model", about: "Which rows, and what tells them apart." },
  { id: "destination", title: "Destination", about: "Where records go." },
  { id: "sync", title: "Sync", about: "What becomes of a row, and when." },
] as const;
type Step = (typeof STEPS)[number]["id"];

/** Four steps from nothing to the first record. Where one is stands in the address and in what exists, so it can be left and resumed. */
export default function Setup(): ReactElement {
  const search = useSearch({ from: "/w/$ws/setup" });
  const places = usePlaces();
  const navigate = useNavigate();
  const sources = useWhole(`${W}/sources`);
  const models = useWhole(`${W}/models`);
  const destinations = useWhole(`${W}/destinations`);
  // Saving a source does not end its step: whoever made it wants to see its test first.
  const [begun, setBegun] = useState<Step>();
  const go = (change: Record<string, string | undefined>) => void navigate({ ...places.setup({ ...search, ...change }), ignoreBlocker: true });
  const all = { isPending: sources.isPending || models.isPending || destinations.isPending, error: sources.error ?? models.error ?? destinations.error, refetch: () => (void sources.refetch(), void models.refetch(), void destinations.refetch()), data: sources.data && models.data && destinations.data ? { sources: sources.data, models: models.data, destinations: destinations.data } : undefined };
  return (
    <Page title="Set-up" sentence="From a table to a stream. Everything is saved as you go; leave at any time, and go on here.">
      <Loaded of={all}>
        {(there) => {
          const source = there.sources.find((each) => each.id === search.source) ?? there.sources[0];
          const model = there.models.find((each) => each.id === search.model) ?? there.models.find((each) => each.source === source?.id);
          const destination = there.destinations.find((each) => each.id === search.destination) ?? there.destinations.find((each) => each.verification && usable(each.verification as unknown as Verification)) ?? there.destinations[0];
          const done: Record<Step, string | undefined> = { source: source?.name, model: model?.name, destination: destination?.name, sync: undefined };
          const first = STEPS.find((step) => done[step.id] === undefined)?.id ?? "sync";
          if (!begun) setBegun(first);
          const step = STEPS.find((each) => each.id === search.step)?.id ?? begun ?? first;
          const verified: Record<Step, boolean> = { source: there.models.length > 0, model: model !== undefined, destination: destination?.verification !== undefined && usable(destination.verification as unknown as Verification), sync: false };
          return (
            <div className="grid gap-6 lg:grid-cols-[14rem_minmax(0,1fr)]">
              <ol aria-label="Steps" className="grid grid-cols-2 content-start gap-1 sm:grid-cols-4 lg:grid-cols-1">
                {STEPS.map((each, at) => {
                  const reachable = at <= STEPS.findIndex(({ id }) => id === first);
                  const body = (
                    <>
                      <span className={cx("grid size-5 shrink-0 place-items-center rounded-full border border-line text-xs", verified[each.id] && "border-transparent bg-good-soft text-good", each.id === step && !verified[each.id] && "border-accent text-accent")}>{verified[each.id] ? <Check className="size-3.5" aria-label="proved" /> : at + 1}</span>
                      <span className="min-w-0"><span className="block font-medium">{each.title}</span><span className={cx("block text-xs text-muted", done[each.id] && "truncate")}>{done[each.id] ?? each.about}</span></span>
                    </>
                  );
                  const className = cx("flex h-full items-start gap-2.5 rounded-md px-2.5 py-2", each.id === step && "bg-hover");
                  return <li key={each.id}>{reachable ? <Link {...places.setup({ ...search, step: each.id })} aria-current={each.id === step ? "step" : undefined} className={cx(className, "hover:bg-hover")}>{body}</Link> : <span className={cx(className, "text-faint")}>{body}</span>}</li>;
                })}
              </ol>
              <div className="min-w-0">
                {step === "source" && <Part title="Source" about="A PostgreSQL database, and a login that may read." chosen={source} choices={there.sources} onUse={(id) => go({ source: id, step: "model" })}><SourceCreator onDone={(id) => go({ source: id, step: "model" })} /></Part>}
                {step === "model" && <Part title="Model" about="A query on the source, and the columns that tell its rows apart." chosen={model} choices={there.models.filter((each) => each.source === source?.id)} onUse={(id) => go({ model: id, step: "destination" })}><ModelCreator source={source?.id ?? ""} onDone={(id) => go({ model: id, step: "destination" })} /></Part>}
                {step === "destination" && <Part title="Destination" about="A region of your AWS account, and the access to it." chosen={destination} choices={there.destinations} onUse={(id) => go({ destination: id, step: "sync" })}><DestinationCreator onDone={(id) => go({ destination: id, step: "sync" })} /></Part>}
                {step === "sync" && <SyncCreator model={model?.id ?? ""} destination={destination?.id ?? ""} onDone={(sync, run) => void navigate({ ...(run ? places.run(run) : places.sync(sync)), ignoreBlocker: true })} />}
              </div>
            </div>
          );
        }}
      </Loaded>
    </Page>
  );
}

interface PartProps {
  title: string;
  about: string;
  chosen: { id: string; name: string } | undefined;
  choices: { id: string; name: string }[];
  onUse: (id: string) => void;
  children: ReactElement;
}

/** What exists already can be used, or another one made. */
function Part({ title, about, choices, onUse, children }: PartProps): ReactElement {
  return (
    <Section title={title} about={about}>
      {choices.length > 0 && (
        <div className="flex flex-wrap items-center gap-2 rounded-lg border border-line bg-sunken px-3 py-2.5">
          <span className="text-[13px] text-muted">Use what exists:</span>
          {choices.slice(0, 8).map((choice) => <Button key={choice.id} small onClick={() => onUse(choice.id)}>{choice.name}</Button>)}
          <span className="text-[13px] text-muted">or make another:</span>
        </div>
      )}
      {children}
    </Section>
  );
}
