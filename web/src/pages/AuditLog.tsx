import { useSearch } from "@tanstack/react-router";
import type { FormEvent, ReactElement } from "react";
import { useState } from "react";

import { usePages, W } from "@/api/hooks";
import { Link, useNavigate } from "@/app/links";
import { usePlaces } from "@/app/places";
import { useRefusal } from "@/app/workspace";
import { actorText } from "@/lib/runs";
import { Button } from "@/ui/Button";
import { CopyButton, Id, Section, shortId, Time } from "@/ui/bits";
import { Input } from "@/ui/Field";
import { Empty, Note, ProblemNote, Skeleton } from "@/ui/states";
import { Table } from "@/ui/Table";

export function AuditLog(): ReactElement {
  const refused = useRefusal("admin");
  return refused ? <Note>{refused}</Note> : <Entries />;
}

/** What there is a page of can be gone to. */
function Target({ id }: { id: string }): ReactElement {
  const places = usePlaces();
  const page = places.thing(id);
  return page ? <span className="inline-flex items-center gap-0.5"><Link {...page} title={id} className="font-mono text-xs underline">{shortId(id)}</Link><CopyButton text={id} label={`Copy ${id}`} /></span> : <Id value={id} short />;
}

function Entries(): ReactElement {
  const { target, action } = useSearch({ from: "/w/$ws/settings" });
  const places = usePlaces();
  const navigate = useNavigate();
  const [typed, setTyped] = useState({ target: target ?? "", action: action ?? "" });
  const entries = usePages(`${W}/audit-entries`, { query: { ...(target ? { target } : {}), ...(action ? { action } : {}) } });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void navigate({ ...places.settings("audit", { target: typed.target.trim() || undefined, action: typed.action.trim() || undefined }), replace: true });
  };
  return (
    <Section title="Audit log" about="Who did what, the newest first.">
      <form onSubmit={submit} role="search" className="flex flex-wrap gap-2">
        <Input aria-label="Operation" placeholder="Operation, such as create_sync" className="w-72 max-w-full" value={typed.action} onChange={(event) => setTyped({ ...typed, action: event.target.value })} />
        <Input aria-label="Target" placeholder="Id of what it was done to" className="w-72" value={typed.target} onChange={(event) => setTyped({ ...typed, target: event.target.value })} />
        <Button type="submit">Filter</Button>
      </form>
      {entries.error ? <ProblemNote error={entries.error} onRetry={() => void entries.refetch()} /> : entries.isPending ? <Skeleton /> : (
        <Table
          label="Audit log"
          rows={entries.items}
          rowKey={(entry) => entry.id}
          empty={<Empty title="No entry fits the filters" />}
          columns={[
            { name: "When", cell: (entry) => <Time at={entry.at} exact /> },
            { name: "Who", wide: true, cell: (entry) => <span className="block max-w-60 truncate" title={actorText(entry.actor)}>{actorText(entry.actor)}</span> },
            { name: "What", cell: (entry) => <><span className="font-mono text-xs">{entry.action}</span><span className="block max-w-32 truncate text-xs text-muted md:hidden" title={actorText(entry.actor)}>{actorText(entry.actor)}</span></> },
            { name: "To", wide: true, cell: (entry) => entry.target && <Target id={entry.target} /> },
            { name: "Details", wide: true, cell: (entry) => entry.detail && JSON.stringify(entry.detail) !== "{}" && <span className="block max-w-sm truncate font-mono text-xs text-muted" title={JSON.stringify(entry.detail)}>{JSON.stringify(entry.detail)}</span> },
            { name: "From", wide: true, cell: (entry) => entry.address },
          ]}
        />
      )}
      {entries.hasNextPage && <Button busy={entries.isFetchingNextPage} onClick={() => void entries.fetchNextPage()}>Show older entries</Button>}
    </Section>
  );
}
