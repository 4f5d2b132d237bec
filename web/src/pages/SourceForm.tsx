import type { ReactElement } from "react";

import type { Schemas } from "@/api/client";
import type { Faults } from "@/api/problem";
import { Field, Input, Select, TextArea } from "@/ui/Field";

export interface SourceValue {
  name: string;
  host: string;
  port: string;
  database: string;
  user: string;
  password: string;
  tls: Schemas["Tls"];
  ca: string;
}

export const NEW_SOURCE: SourceValue = { name: "", host: "", port: "5432", database: "", user: "", password: "", tls: "verify-full", ca: "" };

export const SOURCE_FIELDS = ["/name", "/postgres/host", "/postgres/port", "/postgres/database", "/postgres/user", "/postgres/password", "/postgres/tls", "/postgres/ca"];

export function sourceValue(source: Schemas["Source"]): SourceValue {
  const { host, port, database, user, tls, ca } = source.postgres;
  return { name: source.name, host, port: String(port), database, user, password: "", tls, ca: ca ?? "" };
}

/** A secret that was not typed again stays as it is. */
export function sourceBody(value: SourceValue): Schemas["SourceBody"] {
  const { name, host, port, database, user, password, tls, ca } = value;
  return {
    name,
    postgres: { host, port: Number(port), database, user, tls, ...(password ? { password } : {}), ...(ca.trim() ? { ca } : {}) },
  };
}

interface Props {
  value: SourceValue;
  set: (change: Partial<SourceValue>) => void;
  faults: Faults;
  /** The end of the password that is kept. */
  kept?: Schemas["SecretState"] | undefined;
}

export function SourceForm({ value, set, faults, kept }: Props): ReactElement {
  const text = (name: keyof SourceValue) => ({ value: value[name], onChange: (event: { target: { value: string } }) => set({ [name]: event.target.value }) });
  return (
    <div className="grid gap-4 sm:grid-cols-6">
      <Field label="Name" className="sm:col-span-6" error={faults["/name"]} hint="How it is called here, such as “shop database”.">
        <Input {...text("name")} required maxLength={100} />
      </Field>
      <Field label="Host" className="sm:col-span-4" error={faults["/postgres/host"]} hint="A name or an IP address that the service can reach.">
        <Input {...text("host")} required placeholder="db.example.com" autoCapitalize="off" />
      </Field>
      <Field label="Port" className="sm:col-span-2" error={faults["/postgres/port"]}>
        <Input {...text("port")} required inputMode="numeric" pattern="[0-9]{1,5}" />
      </Field>
      <Field label="Database" className="sm:col-span-6" error={faults["/postgres/database"]}>
        <Input {...text("database")} required autoCapitalize="off" />
      </Field>
      <Field label="User" className="sm:col-span-3" error={faults["/postgres/user"]} hint="Best one that may only read.">
        <Input {...text("user")} required autoComplete="off" autoCapitalize="off" />
      </Field>
      <Field label="Password" className="sm:col-span-3" error={faults["/postgres/password"]} optional={!kept?.set} hint={kept?.set ? "One is kept. Type only to replace it." : "Kept sealed, and never shown again."}>
        <Input {...text("password")} type="password" autoComplete="new-password" placeholder={kept?.set ? `••••••••${kept.hint ?? ""}` : ""} />
      </Field>
      <Field label="Encryption (TLS)" className="sm:col-span-6" error={faults["/postgres/tls"]}>
        <Select {...text("tls")}>
          <option value="verify-full">verify-full: encrypted, to the right server</option>
          <option value="require">require: encrypted, to whoever answers</option>
          <option value="disable">disable: in the clear, own networks only</option>
        </Select>
      </Field>
      {value.tls === "verify-full" && (
        <Field label="Certificates to trust" className="sm:col-span-6" optional error={faults["/postgres/ca"]} hint="PEM, instead of the public authorities. Providers of databases offer theirs for download.">
          <TextArea {...text("ca")} mono placeholder="-----BEGIN CERTIFICATE-----" rows={3} />
        </Field>
      )}
    </div>
  );
}
