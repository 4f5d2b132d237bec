import type { Finding, RoleAttempt, Verification } from "@/api/jobs";

export interface Line {
  id: string;
  /** What has to hold. */
  claim: string;
  state: "proved" | "failed" | "unknown" | "optional";
  /** What was found, and what to do. */
  detail: string;
}

/** Whether everything that a sync needs was seen to work. */
export function usable(found: Verification): boolean {
  const safe = found.role_verdict === undefined || found.role_verdict === "accepted";
  return safe && found.streams.result === "works" && (found.put.result === "works" || found.put.result === "not-tried");
}

/** What was proved, one line each. */
export function checklist(found: Verification | undefined, isRole: boolean): Line[] {
  const role = found?.role;
  const roleLines = isRole
    ? [
        attempt("assumed", "The role can be assumed with your external id", role?.right, "assumed", "Check the account and the name of the role, and that its trust policy names our principal and your external id."),
        attempt("without", "It refuses whoever gives no external id", role?.without, "refused", "Add the condition on sts:ExternalId to the trust policy: without it other customers of this service could use your role."),
        attempt("wrong", "It refuses a wrong external id", role?.wrong, "refused", "The condition has to be StringEquals with exactly your external id, without wildcards."),
      ]
    : [];
  return [
    ...roleLines,
    finding("streams", "Its streams can be listed", found?.streams, false),
    finding("put", "Records can be put into the stream", found?.put, false),
    finding("details", "The stream can be described", found?.details, true),
    finding("shards", "Its shards can be seen, to predict where records go", found?.shards, true),
  ];
}

function attempt(id: string, claim: string, found: RoleAttempt | undefined, wanted: RoleAttempt["result"], advice: string): Line {
  if (!found) return { id, claim, state: "unknown", detail: "Not tried yet." };
  if (found.result === wanted) return { id, claim, state: "proved", detail: wanted === "refused" ? "Refused, as it should." : "" };
  if (found.result === "inconclusive") return { id, claim, state: "unknown", detail: `${sentence(found.reason ?? "No usable answer came")} Verify again in a moment.` };
  return { id, claim, state: "failed", detail: `${sentence(found.reason ?? (wanted === "refused" ? "It was assumed" : "It was refused"))} ${advice}` };
}

function finding(id: string, claim: string, found: Finding | undefined, optional: boolean): Line {
  if (!found) return { id, claim, state: "unknown", detail: optional ? "Not tried yet. Not needed for sending." : "Not tried yet." };
  const detail = typeof found.detail === "string" ? found.detail : "";
  if (found.result === "works") {
    const written = detail === "written" ? "The endpoint knows no dry runs: one small record that says so was written." : "";
    return { id, claim, state: "proved", detail: Array.isArray(found.detail) ? `${found.detail.length} found.` : written };
  }
  if (found.result === "not-tried") return { id, claim, state: optional ? "optional" : "unknown", detail: detail ? `Not tried: ${sentence(detail, false)}` : "Not tried: choose a stream to try it on." };
  if (found.result === "inconclusive") return { id, claim, state: "unknown", detail };
  return { id, claim, state: optional ? "optional" : "failed", detail: optional ? `${sentence(detail)} Not needed for sending.` : detail };
}

/** With a capital letter and a full stop: reasons come with and without. */
function sentence(text: string, first = true): string {
  const end = text.trim();
  return `${first ? end.slice(0, 1).toUpperCase() + end.slice(1) : end}${/[.!?]$/.test(end) || end === "" ? "" : "."}`;
}
