import type { ReactElement } from "react";
import { useDeferredValue, useState } from "react";

import { useGet, W } from "@/api/hooks";
import { CodeBlock, Fact, Facts, Id } from "@/ui/bits";
import { Field, Input, Segments } from "@/ui/Field";
import { Note, ProblemNote, Skeleton } from "@/ui/states";

type Kind = "terraform" | "cloudformation" | "policies";

/** Everything for a role that this workspace's destinations can use, to be copied. */
export function AwsSetup({ region }: { region: string }): ReactElement {
  const [typed, setTyped] = useState({ account: "", stream: "", role_name: "rowcast" });
  const [kind, setKind] = useState<Kind>("terraform");
  const { account, stream, role_name } = useDeferredValue(typed);
  const query = {
    // The snippets name a region in their ARNs; until one is typed it is the first of AWS.
    region: /^[a-z]{2}(-[a-z]+)+-\d$/.test(region) ? region : "us-east-1",
    ...(/^\d{12}$/.test(account) ? { account } : {}),
    ...(/^[\w.-]{1,128}$/.test(stream) ? { stream } : {}),
    ...(/^[\w+=,.@-]{1,64}$/.test(role_name) ? { role_name } : {}),
  };
  const setup = useGet(`${W}/aws-setup`, { query });
  const found = setup.data;
  const field = (name: keyof typeof typed) => ({ value: typed[name], onChange: (event: { target: { value: string } }) => setTyped({ ...typed, [name]: event.target.value.trim() }) });
  return (
    <div className="space-y-3 rounded-lg border border-line bg-sunken p-4">
      <div>
        <p className="font-medium">Make the role in your account</p>
        <p className="text-[13px] text-muted">Fill in what you know; the snippets below follow. Apply one of them, then put the ARN of the role below.</p>
      </div>
      <div className="grid gap-3 sm:grid-cols-3">
        <Field label="Your AWS account" optional><Input {...field("account")} inputMode="numeric" placeholder="123456789012" /></Field>
        <Field label="Stream" optional hint="Empty: every stream"><Input {...field("stream")} placeholder="customers" /></Field>
        <Field label="Name of the role"><Input {...field("role_name")} /></Field>
      </div>
      {setup.error ? <ProblemNote error={setup.error} onRetry={() => void setup.refetch()} /> : !found ? <Skeleton rows={4} /> : (
        <>
          <Facts>
            <Fact name="External id"><Id value={found.external_id} /></Fact>
            <Fact name="We come as"><Id value={found.principal_arn} /></Fact>
          </Facts>
          <Note>The role must demand the external id. It is yours alone, and it keeps other customers of this service from using your role.</Note>
          <Segments label="Form of the snippet" value={kind} onChange={setKind} choices={[{ value: "terraform", label: "Terraform" }, { value: "cloudformation", label: "CloudFormation" }, { value: "policies", label: "Policies" }]} />
          {kind === "terraform" && <CodeBlock label="Terraform" text={found.terraform} />}
          {kind === "cloudformation" && <CodeBlock label="CloudFormation template" text={found.cloudformation} />}
          {kind === "policies" && (
            <div className="grid gap-3 xl:grid-cols-2">
              <div className="min-w-0"><p className="mb-1 text-xs text-muted">Trust policy: who may assume the role</p><CodeBlock label="Trust policy" text={JSON.stringify(found.trust_policy, null, 2)} /></div>
              <div className="min-w-0"><p className="mb-1 text-xs text-muted">Permission policy: what it may do</p><CodeBlock label="Permission policy" text={JSON.stringify(found.permission_policy, null, 2)} /></div>
            </div>
          )}
        </>
      )}
    </div>
  );
}
