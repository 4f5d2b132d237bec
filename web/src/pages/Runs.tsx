import { useSearch } from "@tanstack/react-router";
import type { ReactElement } from "react";

import { Page } from "@/app/Page";

import { RunTable } from "./RunTable";

export default function Runs(): ReactElement {
  const { state } = useSearch({ from: "/w/$ws/runs" });
  return (
    <Page title="Runs" sentence="Everything that ran, the newest first.">
      <RunTable state={state} />
    </Page>
  );
}
