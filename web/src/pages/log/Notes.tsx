import type { ReactElement } from "react";

import { Link } from "@/app/links";
import { usePlaces } from "@/app/places";
import { counted } from "@/lib/format";
import type { DamagedObject, Explained } from "@/log/shapes";
import { CodeBlock } from "@/ui/bits";
import { Note } from "@/ui/states";

/** What a list of the log cannot show, said plainly. */
export function LogNotes({ expired, damaged, incomplete }: { expired: boolean; damaged: DamagedObject[]; incomplete?: boolean }): ReactElement | null {
  const places = usePlaces();
  if (!expired && damaged.length === 0 && !incomplete) return null;
  return (
    <div className="space-y-2">
      {expired && (
        <Note tone="info" title="A part of this log is deleted, or will be soon" actions={<Link {...places.settings()} className="text-[13px] font-medium underline">Settings</Link>}>
          It is older than the workspace keeps its debug log. What the stream acknowledged is known all the same; only the story of it is gone.
        </Note>
      )}
      {damaged.length > 0 && (
        <Note tone="bad" title={`${counted(damaged.length, "object")} of the log cannot be read`}>
          Nothing of them is shown; everything else is. Restore them from a copy of the object storage.
          <CodeBlock label="Damaged objects" wrap className="mt-1" text={damaged.map(({ object, problem }) => `${object}: ${problem}`).join("\n")} />
        </Note>
      )}
      {incomplete && <Note tone="warn" title="Not everything was searched">Keys of this type cannot be looked up by their hash, so the newest runs were searched for their text. That nothing is here does not say that nothing happened.</Note>}
    </div>
  );
}

/** A code, what it means, and what to do about it. */
export function Explanation({ of, count, tone = "bad", children }: { of: Explained; count?: string; tone?: "bad" | "warn"; children?: React.ReactNode }): ReactElement {
  return (
    <Note tone={tone} title={<><code className="font-mono text-xs">{of.code}</code>{count && <span className="figures font-normal"> · {count}</span>}</>}>
      <dl className="space-y-1">
        {of.message && <div><dt className="sr-only">As it was said</dt><dd className="font-mono text-xs break-words">{of.message}</dd></div>}
        {of.meaning && <div><dt className="sr-only">What it means</dt><dd>{of.meaning}</dd></div>}
        {of.advice && <div><dt className="inline font-medium text-ink">What to do: </dt><dd className="inline">{of.advice}</dd></div>}
        {!of.meaning && <div><dt className="sr-only">What it means</dt><dd>This code is not in the catalogue; the text above is AWS's.</dd></div>}
      </dl>
      {children}
    </Note>
  );
}
