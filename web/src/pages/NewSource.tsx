import type { ReactElement } from "react";

import { Page } from "@/app/Page";
import { useNavigate } from "@/app/links";
import { usePlaces } from "@/app/places";

import { SourceCreator } from "./SourceCreator";

export default function NewSource(): ReactElement {
  const places = usePlaces();
  const navigate = useNavigate();
  return (
    <Page title="New source" above={{ label: "Sources", place: places.sources() }} form sentence="A PostgreSQL database. It is tested before you go on.">
      <SourceCreator onDone={(id) => void navigate({ ...places.source(id), ignoreBlocker: true })} />
    </Page>
  );
}
