import type { ReactElement } from "react";

import type { Schemas } from "@/api/client";
import type { Faults } from "@/api/problem";
import { Choices, Field, Input } from "@/ui/Field";

import { AwsSetup } from "./AwsSetup";

export interface DestinationValue {
  name: string;
  region: string;
  endpoint: string;
  type: "role" | "access-key" | "service-identity";
  role_arn: string;
  access_key_id: string;
  secret_access_key: string;
  session_token: string;
}

export const NEW_DESTINATION: DestinationValue = { name: "", region: "", endpoint: "", type: "role", role_arn: "", access_key_id: "", secret_access_key: "", session_token: "" };

export const DESTINATION_FIELDS = ["/name", "/region", "/endpoint", "/credentials", "/credentials/role_arn", "/credentials/access_key_id", "/credentials/secret_access_key", "/credentials/session_token"];

export function destinationValue({ name, region, endpoint, credentials }: Schemas["Destination"]): DestinationValue {
  return { ...NEW_DESTINATION, name, region, endpoint: endpoint ?? "", type: credentials.type, role_arn: credentials.type === "role" ? credentials.role_arn : "" };
}

/** Secrets that were not typed again stay as they are. */
export function destinationBody(value: DestinationValue): Schemas["DestinationBody"] {
  const { name, region, endpoint, type, role_arn } = value;
  const secrets = Object.fromEntries((["access_key_id", "secret_access_key", "session_token"] as const).filter((key) => value[key] !== "").map((key) => [key, value[key]]));
  const credentials: Schemas["CredentialsBody"] = type === "role" ? { type, role_arn } : type === "access-key" ? { type, ...secrets } : { type };
  return { name, region, credentials, ...(endpoint ? { endpoint } : {}) };
}

const REGIONS = ["us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "eu-central-1", "eu-west-1", "eu-west-2", "eu-west-3", "eu-north-1", "eu-south-1", "ap-northeast-1", "ap-northeast-2", "ap-southeast-1", "ap-southeast-2", "ap-south-1", "sa-east-1"];

interface Props {
  value: DestinationValue;
  set: (change: Partial<DestinationValue>) => void;
  faults: Faults;
  kept?: Schemas["Credentials"] | undefined;
}

export function DestinationForm({ value, set, faults, kept }: Props): ReactElement {
  const text = (name: keyof DestinationValue) => ({ value: value[name], onChange: (event: { target: { value: string } }) => set({ [name]: event.target.value }) });
  const key = kept?.type === "access-key" ? kept : undefined;
  return (
    <div className="space-y-4">
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="Name" error={faults["/name"]}>
          <Input {...text("name")} required maxLength={100} placeholder="production account" />
        </Field>
        <Field label="Region" error={faults["/region"]}>
          <Input {...text("region")} required list="regions" placeholder="eu-central-1" autoCapitalize="off" />
          <datalist id="regions">{REGIONS.map((region) => <option key={region} value={region} />)}</datalist>
        </Field>
      </div>
      <Choices
        legend="How the service gets access"
        value={value.type}
        onChange={(type) => set({ type })}
        inline
        choices={[
          { value: "role", label: "A role in your account", hint: "Best: nothing secret is handed over, and you can withdraw it at any time." },
          { value: "access-key", label: "An access key", hint: "Of an IAM user that may do nothing else. Kept sealed." },
          ...(value.type === "service-identity" ? [{ value: "service-identity" as const, label: "Identity of the service", hint: "Allowed to this workspace by the operator." }] : []),
        ]}
      />
      {value.type === "role" && (
        <>
          <AwsSetup region={value.region} />
          <Field label="ARN of the role" error={faults["/credentials/role_arn"]} hint="As AWS shows it once the role is made.">
            <Input {...text("role_arn")} mono required placeholder="arn:aws:iam::123456789012:role/rowcast" />
          </Field>
        </>
      )}
      {value.type === "access-key" && (
        <div className="grid gap-4 sm:grid-cols-2">
          <Field label="Access key id" error={faults["/credentials/access_key_id"]} hint={key ? "One is kept. Type only to replace it." : undefined}>
            <Input {...text("access_key_id")} mono autoComplete="off" required={!key} placeholder={key ? `••••${key.access_key_id.hint ?? ""}` : "AKIA…"} />
          </Field>
          <Field label="Secret access key" error={faults["/credentials/secret_access_key"]} hint={key ? "One is kept. Type only to replace it." : "Kept sealed, and never shown again."}>
            <Input {...text("secret_access_key")} type="password" autoComplete="new-password" required={!key} />
          </Field>
          <Field label="Session token" optional error={faults["/credentials/session_token"]} hint="Of temporary keys only; they end soon.">
            <Input {...text("session_token")} type="password" autoComplete="new-password" />
          </Field>
        </div>
      )}
      {faults["/credentials"] && <p role="alert" className="text-xs text-bad">{faults["/credentials"]}</p>}
      <details open={value.endpoint !== "" || faults["/endpoint"] !== undefined}>
        <summary className="text-[13px] text-muted">Another endpoint than that of AWS</summary>
        <Field label="Endpoint" optional className="mt-2" error={faults["/endpoint"]} hint="For trying things out, or a gateway of yours. The operator of the service has to allow it.">
          <Input {...text("endpoint")} mono placeholder="https://kinesis.example.com" />
        </Field>
      </details>
    </div>
  );
}
