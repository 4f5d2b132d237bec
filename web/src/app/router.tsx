import { createRootRoute, createRoute, createRouter, lazyRouteComponent, parseSearchWith, stringifySearchWith } from "@tanstack/react-router";

import { Failed, Loading, NotFound, NotFoundInside } from "./fallbacks";

type Raw = Record<string, unknown>;
const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : Number.isSafeInteger(value) ? String(value) : undefined);

/** The texts among the search parameters that a page knows; others are dropped. */
function texts<K extends string>(...names: K[]) {
  return (raw: Raw): { [name in K]?: string } => {
    const found: Raw = {};
    for (const name of names) if (text(raw[name]) !== undefined) found[name] = text(raw[name]);
    return found as { [name in K]?: string };
  };
}

const root = createRootRoute({ notFoundComponent: NotFound });
const page = <P extends string>(path: P, load: () => Promise<{ default: () => React.JSX.Element | null }>) =>
  createRoute({ getParentRoute: () => root, path, component: lazyRouteComponent(load) });

const home = page("/", () => import("@/pages/Home"));
const signIn = createRoute({ getParentRoute: () => root, path: "/sign-in", validateSearch: texts("next"), component: lazyRouteComponent(() => import("@/pages/SignIn")) });
const signUp = page("/sign-up", () => import("@/pages/SignUp"));
const invitation = page("/invitation", () => import("@/pages/Invitation"));
const resetPassword = page("/reset-password", () => import("@/pages/ResetPassword"));
const account = page("/account", () => import("@/pages/Account"));

const workspace = createRoute({ getParentRoute: () => root, path: "/w/$ws", component: lazyRouteComponent(() => import("./WorkspaceLayout")), notFoundComponent: NotFoundInside });
const inside = <P extends string>(path: P, load: () => Promise<{ default: () => React.JSX.Element | null }>) =>
  createRoute({ getParentRoute: () => workspace, path, component: lazyRouteComponent(load) });

const overview = inside("/", () => import("@/pages/Overview"));
const setup = createRoute({ getParentRoute: () => workspace, path: "/setup", validateSearch: texts("source", "model", "destination", "step"), component: lazyRouteComponent(() => import("@/pages/Setup")) });
const syncs = createRoute({ getParentRoute: () => workspace, path: "/syncs", validateSearch: texts("q"), component: lazyRouteComponent(() => import("@/pages/Syncs")) });
const newSync = createRoute({ getParentRoute: () => workspace, path: "/syncs/new", validateSearch: texts("model", "destination"), component: lazyRouteComponent(() => import("@/pages/NewSync")) });
const sync = createRoute({ getParentRoute: () => workspace, path: "/syncs/$sync", validateSearch: texts("tab", "state"), component: lazyRouteComponent(() => import("@/pages/Sync")) });
const timeline = createRoute({ getParentRoute: () => workspace, path: "/syncs/$sync/rows", validateSearch: texts("key"), component: lazyRouteComponent(() => import("@/pages/log/Timeline")) });
const log = createRoute({ getParentRoute: () => workspace, path: "/log", validateSearch: texts("at", "stream"), component: lazyRouteComponent(() => import("@/pages/log/Find")) });
const runs = createRoute({ getParentRoute: () => workspace, path: "/runs", validateSearch: texts("state"), component: lazyRouteComponent(() => import("@/pages/Runs")) });
const run = createRoute({ getParentRoute: () => workspace, path: "/runs/$run", validateSearch: texts("tab", "code", "q", "kind", "failed", "shard", "call", "outcome", "op", "key"), component: lazyRouteComponent(() => import("@/pages/Run")) });
const models = inside("/models", () => import("@/pages/Models"));
const newModel = createRoute({ getParentRoute: () => workspace, path: "/models/new", validateSearch: texts("source"), component: lazyRouteComponent(() => import("@/pages/NewModel")) });
const model = inside("/models/$model", () => import("@/pages/Model"));
const sources = inside("/sources", () => import("@/pages/Sources"));
const newSource = inside("/sources/new", () => import("@/pages/NewSource"));
const source = inside("/sources/$source", () => import("@/pages/Source"));
const destinations = inside("/destinations", () => import("@/pages/Destinations"));
const newDestination = inside("/destinations/new", () => import("@/pages/NewDestination"));
const destination = inside("/destinations/$destination", () => import("@/pages/Destination"));
const settings = createRoute({ getParentRoute: () => workspace, path: "/settings", validateSearch: texts("tab", "target", "action"), component: lazyRouteComponent(() => import("@/pages/Settings")) });

const routes = root.addChildren([
  home, signIn, signUp, invitation, resetPassword, account,
  workspace.addChildren([overview, setup, syncs, newSync, sync, timeline, log, runs, run, models, newModel, model, sources, newSource, source, destinations, newDestination, destination, settings]),
]);

export const router = createRouter({
  routeTree: routes,
  defaultPreload: "intent",
  defaultErrorComponent: Failed,
  defaultPendingComponent: Loading,
  defaultPendingMs: 100,
  scrollRestoration: true,
  // All are texts: a key or a sequence number in an address is not taken for JSON or a number.
  parseSearch: parseSearchWith((value) => value),
  stringifySearch: stringifySearchWith(String),
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
