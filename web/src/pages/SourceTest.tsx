import { Plug } from "lucide-react";
import type { ReactElement } from "react";

import { useJob, W } from "@/api/hooks";
import type { TestReport } from "@/api/jobs";
import { Button } from "@/ui/Button";
import { Note, ProblemNote } from "@/ui/states";

export function useSourceTest() {
  return useJob<TestReport, `${typeof W}/sources/{source_id}/test`>(`${W}/sources/{source_id}/test`);
}

/** What a test of the connection found, in words. */
export function SourceVerdict({ test }: { test: ReturnType<typeof useSourceTest> }): ReactElement | null {
  if (test.isPending) return <Note title="Connecting …">A worker connects to the database and looks what the user may do.</Note>;
  if (test.error) return <ProblemNote error={test.error} />;
  if (!test.data) return null;
  const found = test.data;
  const version = /^PostgreSQL [\d.]+/.exec(found.server_version)?.[0] ?? `PostgreSQL ${found.server_version}`;
  return (
    <div className="space-y-2">
      <Note tone="good" title="The connection works">
        {version}, as {found.user} in {found.database}; {found.tls ? "encrypted" : "not encrypted"}; an answer takes {found.latency_ms < 1 ? "less than 1" : found.latency_ms} ms.
      </Note>
      {found.warnings.map((warning) => <Note key={warning} tone="warn">{warning}</Note>)}
    </div>
  );
}

export function TestButton({ test, source }: { test: ReturnType<typeof useSourceTest>; source: string }): ReactElement {
  return (
    <Button needs="editor" busy={test.isPending} icon={<Plug className="size-4" aria-hidden />} onClick={() => test.mutate({ path: { source_id: source } })}>
      Test the connection
    </Button>
  );
}
