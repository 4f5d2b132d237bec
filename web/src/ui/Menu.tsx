import { Menu as Base } from "@base-ui/react/menu";
import type { ReactElement, ReactNode } from "react";

import type { Role } from "@/app/workspace";
import { useRefusal } from "@/app/workspace";

import { cx } from "./cx";

export function Menu({ trigger, children, align = "end" }: { trigger: ReactElement; children: ReactNode; align?: "start" | "end" }): ReactElement {
  return (
    <Base.Root>
      <Base.Trigger render={trigger} />
      <Base.Portal>
        <Base.Positioner sideOffset={4} align={align} className="z-40">
          <Base.Popup className="min-w-44 rounded-lg border border-line bg-raised p-1 shadow-lg outline-none">{children}</Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}

interface ItemProps {
  children: ReactNode;
  icon?: ReactNode;
  danger?: boolean;
  needs?: Role;
  refusal?: string | undefined | false;
  onSelect: () => void;
}

export function MenuItem({ children, icon, danger, needs, refusal, onSelect }: ItemProps): ReactElement {
  const reason = useRefusal(needs) ?? (refusal || undefined);
  return (
    <Base.Item
      disabled={reason !== undefined}
      onClick={onSelect}
      className={cx("flex cursor-default flex-col rounded px-2 py-1.5 text-[13px] outline-none data-highlighted:bg-hover", danger && "text-bad", reason && "text-faint")}
    >
      <span className="flex items-center gap-2">
        {icon}
        {children}
      </span>
      {reason && <span className="max-w-56 text-xs text-faint">{reason}</span>}
    </Base.Item>
  );
}

export function MenuLine(): ReactElement {
  return <Base.Separator className="my-1 h-px bg-line" />;
}
