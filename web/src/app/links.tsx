import { Link as RouterLink, useNavigate as useRouterNavigate } from "@tanstack/react-router";
import type { ComponentProps, ReactElement } from "react";

/** An address of these pages. The router's own types want each link to be written out; `placesOf` checks ours instead. */
export interface Place {
  to: string;
  params?: Record<string, string>;
  search?: Record<string, string | undefined>;
  hash?: string;
}

type Look = Pick<ComponentProps<typeof RouterLink>, "activeOptions" | "activeProps">;
export type LinkProps = Place & Look & Omit<ComponentProps<"a">, "href">;

/** Is current, for screen readers, only where it leads to exactly what is shown: not for what is above it, nor for its other tabs. */
export function Link(props: LinkProps): ReactElement {
  return <RouterLink activeOptions={{ exact: true }} {...(props as object as ComponentProps<typeof RouterLink>)} />;
}

type Going = { replace?: boolean; resetScroll?: boolean; /** Without asking about what is not saved. */ ignoreBlocker?: boolean };

export function useNavigate(): (place: (Place | { href: string }) & Going) => Promise<void> {
  return useRouterNavigate() as unknown as (place: (Place | { href: string }) & Going) => Promise<void>;
}
