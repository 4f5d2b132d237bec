import { createContext, useContext } from "react";

import type { Schemas } from "@/api/client";

export type Role = Schemas["Role"];
export type WorkspaceOfMine = Schemas["WorkspaceOfMine"];

export interface Surroundings {
  me: Schemas["Me"];
  workspace: WorkspaceOfMine;
  workspaces: WorkspaceOfMine[];
  paused: boolean;
}

export const WorkspaceContext = createContext<Surroundings | undefined>(undefined);

export function useSurroundings(): Surroundings {
  const found = useContext(WorkspaceContext);
  if (!found) throw new Error("this part of the page belongs into a workspace");
  return found;
}

/** Empty on pages that belong to no workspace. */
export function useWorkspaceId(): string {
  return useContext(WorkspaceContext)?.workspace.id ?? "";
}

const ROLES: Role[] = ["viewer", "editor", "admin", "owner"];

export function mayAs(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}

/** Why the person may not do what needs this role; undefined if they may. */
export function useRefusal(needed: Role | undefined): string | undefined {
  const role = useContext(WorkspaceContext)?.workspace.role;
  if (!needed || !role || mayAs(role, needed)) return undefined;
  return `This needs the role ${needed}; yours here is ${role}. Ask an admin or owner of the workspace.`;
}
