import type { ReactElement } from "react";

import { Page } from "@/app/Page";
import { useNavigate } from "@/app/links";
import { usePlaces } from "@/app/places";

import { DestinationCreator } from "./DestinationCreator";

export default function NewDestination(): ReactElement {
  const places = usePlaces();
  const navigate = useNavigate();
  return (
    <Page title="New destination" above={{ label: "Destinations", place: places.destinations() }} form sentence="Where records go: Amazon Kinesis in one region of your account.">
      <DestinationCreator onDone={(id) => void navigate({ ...places.destination(id), ignoreBlocker: true })} />
    </Page>
  );
}
