import { Activity, ArrowRightLeft, Check, ChevronsUpDown, Database, LayoutList, LogOut, Menu as MenuIcon, Moon, PanelLeft, Plus, Radio, ScrollText, Search, Settings, Sun, Table2, User } from "lucide-react";
import type { ReactElement, ReactNode } from "react";
import { lazy, Suspense, useEffect, useState } from "react";

import { request } from "@/api/client";
import { Link, useNavigate } from "@/app/links";
import { chooseTheme, useTheme } from "@/lib/theme";
import { IconButton } from "@/ui/Button";
import { Kbd } from "@/ui/bits";
import { cx } from "@/ui/cx";
import { Menu, MenuItem, MenuLine } from "@/ui/Menu";
import { Note } from "@/ui/states";
import { failed } from "@/ui/toast";

import { NewWorkspace } from "./NewWorkspace";
import { placesOf, usePlaces } from "./places";
import { useSurroundings } from "./workspace";

const Palette = lazy(() => import("./Palette"));
const NARROW = "rowcast.sidebar";

export function Frame({ children }: { children: ReactNode }): ReactElement {
  const [narrow, setNarrow] = useState(() => localStorage.getItem(NARROW) === "narrow");
  const [sheet, setSheet] = useState(false);
  const [palette, setPalette] = useState(false);
  const { paused } = useSurroundings();
  const places = usePlaces();
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        setPalette((open) => !open);
      }
    };
    window.addEventListener("keydown", listen);
    return () => window.removeEventListener("keydown", listen);
  }, []);
  const fold = () => {
    localStorage.setItem(NARROW, narrow ? "wide" : "narrow");
    setNarrow(!narrow);
  };
  return (
    <div className="flex min-h-dvh flex-col md:flex-row">
      <a href="#main" className="sr-only z-50 rounded bg-raised px-3 py-2 focus:not-sr-only focus:fixed focus:top-2 focus:left-2">Skip to the page</a>
      <aside aria-label="Sidebar" className={cx("sticky top-0 hidden h-dvh shrink-0 flex-col border-r border-line bg-sunken p-2 md:flex", narrow ? "w-13" : "w-56")}>
        <WorkspaceSwitcher narrow={narrow} />
        <button type="button" onClick={() => setPalette(true)} aria-label={narrow ? "Go to" : undefined} className="mt-2 flex h-8 items-center gap-2 rounded-md border border-line bg-surface px-2 text-[13px] text-muted hover:bg-hover">
          <Search className="size-4 shrink-0" aria-hidden />
          {!narrow && <><span className="flex-1 text-left">Go to…</span><Kbd>{/Mac/.test(navigator.userAgent) ? "⌘K" : "Ctrl K"}</Kbd></>}
        </button>
        <Navigation narrow={narrow} />
        <div className={cx("mt-auto flex items-center gap-1", narrow && "flex-col")}>
          <PersonMenu narrow={narrow} />
          <IconButton label={narrow ? "Widen the sidebar" : "Fold the sidebar"} onClick={fold}><PanelLeft className="size-4" aria-hidden /></IconButton>
        </div>
      </aside>
      <header className="sticky top-0 z-20 flex h-12 items-center gap-2 border-b border-line bg-bg px-2 md:hidden">
        <IconButton label="Menu" aria-expanded={sheet} onClick={() => setSheet(!sheet)}><MenuIcon className="size-5" aria-hidden /></IconButton>
        <div className="min-w-0 flex-1"><WorkspaceSwitcher narrow={false} /></div>
        <IconButton label="Search and commands" onClick={() => setPalette(true)}><Search className="size-5" aria-hidden /></IconButton>
      </header>
      {sheet && (
        <div className="fixed inset-x-0 bottom-0 z-30 rounded-t-lg border-t border-line bg-raised p-3 shadow-xl md:hidden" onClick={() => setSheet(false)}>
          <Navigation narrow={false} />
          <div className="mt-2 border-t border-line pt-2"><PersonMenu narrow={false} /></div>
        </div>
      )}
      <main id="main" tabIndex={-1} className="min-w-0 flex-1 px-4 py-4 outline-none md:px-8 md:py-6">
        {paused && (
          <Note tone="warn" title="This workspace is paused" className="mb-4" actions={<Link {...places.settings()} className="text-[13px] font-medium underline">Settings</Link>}>
            No run starts by schedule or by hand until it is resumed.
          </Note>
        )}
        {children}
      </main>
      {palette && <Suspense><Palette onClose={() => setPalette(false)} /></Suspense>}
    </div>
  );
}

function Navigation({ narrow }: { narrow: boolean }): ReactElement {
  const places = usePlaces();
  const items = [
    { label: "Overview", icon: LayoutList, place: places.overview(), exact: true },
    { label: "Syncs", icon: ArrowRightLeft, place: places.syncs() },
    { label: "Runs", icon: Activity, place: places.runs() },
    { label: "Models", icon: Table2, place: places.models() },
    { label: "Sources", icon: Database, place: places.sources() },
    { label: "Destinations", icon: Radio, place: places.destinations() },
    { label: "Log", icon: ScrollText, place: places.log() },
    { label: "Settings", icon: Settings, place: places.settings() },
  ];
  return (
    <nav aria-label="Workspace" className="mt-2 space-y-0.5 max-md:mt-0 max-md:grid max-md:grid-cols-2 max-md:gap-1">
      {items.map(({ label, icon: Icon, place, exact }) => (
        <Link
          key={label}
          {...place}
          activeOptions={{ exact: exact ?? false, includeSearch: false }}
          title={narrow ? label : undefined}
          className="flex h-8 items-center gap-2.5 rounded-md px-2 text-[13px] text-muted hover:bg-hover hover:text-ink max-md:h-10"
          activeProps={{ className: "bg-hover font-medium text-ink!" }}
        >
          <Icon className="size-4 shrink-0" aria-hidden />
          <span className={cx(narrow && "sr-only")}>{label}</span>
        </Link>
      ))}
    </nav>
  );
}

function WorkspaceSwitcher({ narrow }: { narrow: boolean }): ReactElement {
  const { workspace, workspaces } = useSurroundings();
  const navigate = useNavigate();
  const [creating, setCreating] = useState(false);
  const trigger = (
    <button type="button" className="flex h-9 w-full items-center gap-2 rounded-md px-1.5 text-left hover:bg-hover">
      <span aria-hidden className="grid size-6 shrink-0 place-items-center rounded bg-accent text-xs font-semibold text-on-accent">{workspace.name.slice(0, 1).toUpperCase()}</span>
      <span className={narrow ? "sr-only" : "min-w-0 flex-1 truncate font-medium"}>{workspace.name}</span>
      <span className="sr-only">: change workspace</span>
      {!narrow && <ChevronsUpDown className="size-3.5 shrink-0 text-faint" aria-hidden />}
    </button>
  );
  return (
    <>
      <Menu trigger={trigger} align="start">
        {workspaces.map((each) => (
          <MenuItem key={each.id} icon={<Check className={cx("size-3.5", each.id !== workspace.id && "invisible")} aria-hidden />} onSelect={() => void navigate(placesOf(each.id).overview())}>
            {each.name} <span className="text-xs text-faint">{each.role}</span>
          </MenuItem>
        ))}
        <MenuLine />
        <MenuItem icon={<Plus className="size-3.5" aria-hidden />} onSelect={() => setCreating(true)}>New workspace</MenuItem>
      </Menu>
      <NewWorkspace open={creating} onClose={() => setCreating(false)} />
    </>
  );
}

function PersonMenu({ narrow }: { narrow: boolean }): ReactElement {
  const { me, workspace } = useSurroundings();
  const theme = useTheme();
  const navigate = useNavigate();
  const signOut = () => request("post", "/v1/sign-out").then(() => window.location.assign("/sign-in"), failed);
  const themes = [["system", "As the system"], ["light", "Light"], ["dark", "Dark"]] as const;
  const trigger = (
    <button type="button" className="flex h-8 min-w-0 flex-1 items-center gap-2 rounded-md px-2 text-[13px] text-muted hover:bg-hover hover:text-ink">
      <User className="size-4 shrink-0" aria-hidden />
      <span className={narrow ? "sr-only" : "truncate"}>{me.email}</span>
      <span className="sr-only">: account and appearance</span>
    </button>
  );
  return (
    <Menu trigger={trigger} align="start">
      <p className="px-2 py-1 text-xs text-muted">{me.email}, {workspace.role} of {workspace.name}</p>
      <MenuItem icon={<User className="size-3.5" aria-hidden />} onSelect={() => void navigate({ to: "/account" })}>Account and sessions</MenuItem>
      <MenuLine />
      {themes.map(([value, label]) => (
        <MenuItem key={value} icon={theme === value ? <Check className="size-3.5" aria-hidden /> : value === "dark" ? <Moon className="size-3.5" aria-hidden /> : <Sun className="size-3.5" aria-hidden />} onSelect={() => chooseTheme(value)}>
          {label}
        </MenuItem>
      ))}
      <MenuLine />
      <MenuItem icon={<LogOut className="size-3.5" aria-hidden />} onSelect={() => void signOut()}>Sign out</MenuItem>
    </Menu>
  );
}
