import type { Place } from "@/app/links";
import { ChevronRight } from "lucide-react";
import type { ReactElement, ReactNode } from "react";
import { useEffect, useRef } from "react";

import { Link } from "@/app/links";
import { cx } from "@/ui/cx";

interface PageProps {
  title: string;
  /** Where this page is below. */
  above?: { label: string; place: Place };
  /** The state of what is shown, in one sentence. */
  sentence?: ReactNode;
  actions?: ReactNode;
  /** Tables take the whole width, forms do not. */
  form?: boolean;
  children: ReactNode;
}

export function Page({ title, above, sentence, actions, form, children }: PageProps): ReactElement {
  useEffect(() => {
    document.title = `${title} · Rowcast`;
  }, [title]);
  return (
    <div className="mx-auto max-w-[90rem] space-y-5">
      <header className="space-y-1.5">
        {above && (
          <nav aria-label="Breadcrumb" className="flex items-center gap-1 text-xs text-muted">
            <Link {...above.place} className="hover:text-ink hover:underline">{above.label}</Link>
            <ChevronRight className="size-3" aria-hidden />
            <span className="truncate" aria-current="page">{title}</span>
          </nav>
        )}
        <div className="flex flex-wrap items-center justify-between gap-x-6 gap-y-2">
          <h1 className="min-w-0 text-xl font-semibold tracking-tight break-words">{title}</h1>
          {actions && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
        </div>
        {sentence && <div className="max-w-4xl text-muted">{sentence}</div>}
      </header>
      {form ? <div className="max-w-3xl space-y-5">{children}</div> : children}
    </div>
  );
}

/** Views of one thing, each with an address. */
export function Tabs({ label, value, tabs }: { label: string; value: string; tabs: { id: string; label: ReactNode; place: Place }[] }): ReactElement {
  const nav = useRef<HTMLElement>(null);
  // On a phone there is not room for all of them.
  useEffect(() => {
    const here = nav.current?.querySelector<HTMLElement>("[data-chosen]");
    if (nav.current && here) nav.current.scrollLeft = here.offsetLeft - (nav.current.clientWidth - here.offsetWidth) / 2;
  }, [value]);
  return (
    <nav ref={nav} aria-label={label} className="relative flex gap-1 overflow-x-auto border-b border-line">
      {tabs.map((tab) => (
        <Link key={tab.id} {...tab.place} data-chosen={tab.id === value || undefined} aria-current={tab.id === value ? "page" : undefined} className={cx("-mb-px flex h-9 items-center gap-1.5 border-b-2 px-3 text-[13px] whitespace-nowrap", tab.id === value ? "border-accent font-medium text-ink" : "border-transparent text-muted hover:text-ink")}>
          {tab.label}
        </Link>
      ))}
    </nav>
  );
}
