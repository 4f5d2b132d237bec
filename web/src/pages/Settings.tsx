import { useSearch } from "@tanstack/react-router";
import type { ReactElement } from "react";

import { Page, Tabs } from "@/app/Page";
import { usePlaces } from "@/app/places";

import { AuditLog } from "./AuditLog";
import { General } from "./General";
import { Keys } from "./Keys";
import { Members } from "./Members";

export default function Settings(): ReactElement {
  const places = usePlaces();
  const { tab = "general" } = useSearch({ from: "/w/$ws/settings" });
  const tabs = [["general", "General"], ["members", "Members"], ["keys", "API keys"], ["audit", "Audit log"]] as const;
  return (
    <Page title="Settings">
      <Tabs label="Settings" value={tab} tabs={tabs.map(([id, label]) => ({ id, label, place: places.settings(id === "general" ? undefined : id) }))} />
      {tab === "general" && <General />}
      {tab === "members" && <Members />}
      {tab === "keys" && <Keys />}
      {tab === "audit" && <AuditLog />}
    </Page>
  );
}
