import { Navigate, Outlet, useLocation, useParams } from "@tanstack/react-router";
import type { ReactElement } from "react";

import { useGet, useWhole, W } from "@/api/hooks";
import { Problem } from "@/api/problem";
import { ProblemNote } from "@/ui/states";

import { Loading, NotFound } from "./fallbacks";
import { Frame } from "./Frame";
import { SignInAgain } from "./SignInAgain";
import { WorkspaceContext } from "./workspace";

/** Everything of a workspace: who is signed in, what they are there, and the frame around the page. */
export default function WorkspaceLayout(): ReactElement {
  const { ws } = useParams({ from: "/w/$ws" });
  const location = useLocation();
  const me = useGet("/v1/me", {}, { staleTime: 60_000 });
  const workspaces = useWhole("/v1/workspaces");
  const details = useGet(W, { path: { workspace_id: ws } }, { staleTime: 15_000 });
  const error = me.error ?? workspaces.error;
  if (!me.data || !workspaces.data) {
    if (error instanceof Problem && error.code === "unauthenticated") return <Navigate to="/sign-in" search={{ next: location.href }} replace />;
    if (error) return <div className="mx-auto max-w-xl p-6"><ProblemNote error={error} onRetry={() => (void me.refetch(), void workspaces.refetch())} /></div>;
    return <Loading />;
  }
  const workspace = workspaces.data.find((each) => each.id === ws);
  if (!workspace) return <NotFound />;
  const surroundings = { me: me.data, workspace, workspaces: workspaces.data, paused: details.data?.paused ?? false };
  return (
    <WorkspaceContext value={surroundings}>
      {/* Nothing of one workspace stays on the page when another is chosen. */}
      <Frame key={ws}>
        <Outlet />
      </Frame>
      <SignInAgain />
    </WorkspaceContext>
  );
}
