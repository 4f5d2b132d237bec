import { Navigate } from "@tanstack/react-router";
import type { ReactElement } from "react";

import { useWhole } from "@/api/hooks";
import { Problem } from "@/api/problem";
import { Loading } from "@/app/fallbacks";
import { NewWorkspace } from "@/app/NewWorkspace";
import { Outside } from "@/app/Outside";
import { placesOf } from "@/app/places";
import { Button } from "@/ui/Button";
import { ProblemNote } from "@/ui/states";
import { useState } from "react";

/** To the first workspace, or to signing in. */
export default function Home(): ReactElement {
  const workspaces = useWhole("/v1/workspaces");
  const [creating, setCreating] = useState(false);
  if (workspaces.error instanceof Problem && workspaces.error.code === "unauthenticated") return <Navigate to="/sign-in" replace />;
  if (workspaces.error) return <Outside title="Rowcast"><ProblemNote error={workspaces.error} onRetry={() => void workspaces.refetch()} /></Outside>;
  if (!workspaces.data) return <Loading />;
  const first = workspaces.data[0];
  if (first) return <Navigate {...placesOf(first.id).overview()} replace />;
  return (
    <Outside title="You are in no workspace">
      <p className="text-muted">Open the link of an invitation, or make a workspace of your own.</p>
      <Button kind="primary" onClick={() => setCreating(true)}>New workspace</Button>
      <NewWorkspace open={creating} onClose={() => setCreating(false)} />
    </Outside>
  );
}
