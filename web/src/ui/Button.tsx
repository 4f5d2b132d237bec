import type { LinkProps } from "@/app/links";
import { LoaderCircle } from "lucide-react";
import type { ComponentProps, ReactElement, ReactNode } from "react";

import { Link } from "@/app/links";
import type { Role } from "@/app/workspace";
import { useRefusal } from "@/app/workspace";

import { cx } from "./cx";
import { Tip } from "./Tip";

type Kind = "primary" | "plain" | "quiet" | "danger";

const BASE = "inline-flex h-8 shrink-0 items-center justify-center gap-1.5 whitespace-nowrap rounded-md border px-3 text-[13px] font-medium select-none transition-colors";
const KINDS: Record<Kind, string> = {
  primary: "border-transparent bg-accent text-on-accent hover:bg-accent-hover",
  plain: "border-line bg-surface text-ink hover:bg-hover",
  quiet: "border-transparent text-muted hover:bg-hover hover:text-ink",
  danger: "border-line bg-surface text-bad hover:bg-bad-soft",
};

interface Look {
  kind?: Kind;
  small?: boolean;
  icon?: ReactNode;
}

export interface ButtonProps extends Omit<ComponentProps<"button">, "disabled">, Look {
  busy?: boolean;
  /** The role that it takes. Whoever has a lesser one sees it disabled, with the reason. */
  needs?: Role;
  /** Why it cannot be used now; shown on hover and to screen readers. */
  refusal?: string | undefined | false;
}

function look({ kind = "plain", small, className }: Look & { className?: string | undefined }, off?: boolean): string {
  return cx(BASE, KINDS[kind], small && "h-7 px-2 text-xs", off && "pointer-events-auto opacity-50 hover:bg-transparent", off && kind === "primary" && "hover:bg-accent", className);
}

export function Button({ kind, small, icon, busy, needs, refusal, className, children, onClick, type = "button", ...rest }: ButtonProps): ReactElement {
  const forbidden = useRefusal(needs);
  const reason = forbidden ?? (refusal || undefined);
  const off = busy || reason !== undefined;
  const button = (
    <button
      {...rest}
      type={reason ? "button" : type}
      aria-disabled={off || undefined}
      aria-busy={busy || undefined}
      className={look({ kind, small, className } as Look & { className?: string }, off)}
      onClick={off ? (event) => event.preventDefault() : onClick}
    >
      {busy ? <LoaderCircle className="size-3.5 animate-spin" aria-hidden /> : icon}
      {children}
    </button>
  );
  return reason ? <Tip text={reason}>{button}</Tip> : button;
}

export function IconButton({ label, children, className, ...rest }: ButtonProps & { label: string }): ReactElement {
  const button = (
    <Button kind="quiet" {...rest} aria-label={label} className={cx("w-8 px-0", rest.small && "w-7", className)}>
      {children}
    </Button>
  );
  return rest.needs || rest.refusal ? button : <Tip text={label}>{button}</Tip>;
}

/** A link that looks like a button. */
export function LinkButton({ kind, small, icon, needs, className, children, ...link }: LinkProps & Look & { needs?: Role; className?: string; children?: ReactNode }): ReactElement {
  const reason = useRefusal(needs);
  if (reason) {
    return (
      <Button kind={kind ?? "plain"} icon={icon} small={small ?? false} refusal={reason} {...(className ? { className } : {})}>
        {children}
      </Button>
    );
  }
  return (
    <Link {...link} className={look({ kind, small, className } as Look & { className?: string })}>
      {icon}
      {children}
    </Link>
  );
}
