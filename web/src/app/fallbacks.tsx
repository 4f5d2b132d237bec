import type { ErrorComponentProps } from "@tanstack/react-router";
import type { ReactElement } from "react";

import { Link } from "@/app/links";
import { asProblem } from "@/api/problem";
import { Button } from "@/ui/Button";
import { Empty, ProblemNote, Skeleton } from "@/ui/states";

export function NotFound(): ReactElement {
  return <main><NotFoundInside /></main>;
}

/** Within the frame of a workspace, which has its own `main`. */
export function NotFoundInside(): ReactElement {
  return (
    <div className="mx-auto max-w-xl p-6">
      <Empty heading title="There is nothing at this address" action={<Link to="/" className="font-medium text-accent underline">Go to the overview</Link>}>
        It was deleted, or the address has a typo, or it belongs to a workspace that you are not a member of.
      </Empty>
    </div>
  );
}

export function Failed({ error, reset }: ErrorComponentProps): ReactElement {
  // After an update of the service the parts of a page that was open before are gone.
  const stale = /dynamically imported module|Importing a module/.test(asProblem(error).message);
  return (
    <div className="mx-auto max-w-xl space-y-3 p-6">
      <ProblemNote error={error} />
      <div className="flex gap-2">
        {!stale && <Button onClick={reset}>Try again</Button>}
        <Button onClick={() => window.location.reload()}>Load the page again</Button>
      </div>
    </div>
  );
}

export function Loading(): ReactElement {
  return (
    <div className="p-6">
      <Skeleton rows={6} />
    </div>
  );
}
