import type { ReactElement } from "react";
import { lazy, Suspense } from "react";

import type { Schemas } from "@/api/client";
import { Skeleton } from "@/ui/states";

type Run = Schemas["RunDetails"];

const Calls = lazy(() => import("./Calls"));
const LoggedRows = lazy(() => import("./LoggedRows"));
const Report = lazy(() => import("./Report"));

/** Loaded when they are opened: most who look at a run do not look at its calls. */
export function CallsTab({ run }: { run: Run }): ReactElement {
  return <Suspense fallback={<Skeleton rows={10} />}><Calls run={run} /></Suspense>;
}

export function LoggedRowsTab({ run }: { run: Run }): ReactElement {
  return <Suspense fallback={<Skeleton rows={10} />}><LoggedRows run={run} /></Suspense>;
}

export function ReportTab({ run }: { run: Run }): ReactElement {
  return <Suspense fallback={<Skeleton rows={10} />}><Report run={run} /></Suspense>;
}
