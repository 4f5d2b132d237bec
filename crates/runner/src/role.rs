//! A role is used only once it was found to open to this workspace and to nobody else: the service could otherwise be made
//! to act for one customer with the role of another.

use domain::{Credentials, Destination, RunId};
use kinesis::{Access, Attempt, Finding, RoleCheck, RoleVerdict, Settings, Verification, verify_role};
use store::Claim;

use crate::Error;
use crate::worker::Worker;

/// Accepts the role of these settings for a run: by what was found out before about this destination, or by trying now,
/// which is kept. Other credentials need no check.
pub(crate) async fn accept(worker: &Worker, claim: &Claim, settings: &Settings) -> Result<(), Error> {
    let Access::Role(role) = &settings.access else { return Ok(()) };
    let configured = configured(worker, claim).await?;
    // A run keeps the version it started with; what is known of a newer one says nothing about it.
    let of_role = configured.filter(|found| same_role(&found.config, &claim.definition.destination));
    if of_role.as_ref().is_some_and(accepted) {
        return Ok(());
    }
    let found = verify_role(settings, role, &random()).await?;
    // A preview, which has no run, writes nothing.
    let writes = claim.run != RunId::from_uuid(uuid::Uuid::nil());
    if let Some(destination) = of_role.filter(|_| writes) {
        let found = serde_json::to_value(verification(&found)).map_err(Error::Answer)?;
        worker.scope.set_verification(destination.id, destination.revision, &found).await?;
    }
    judge(&role.role_arn, &found)
}

/// The same without anything known before, or kept.
pub(crate) async fn check(settings: &Settings) -> Result<(), Error> {
    match &settings.access {
        Access::Role(role) => judge(&role.role_arn, &verify_role(settings, role, &random()).await?),
        Access::Keys(_) | Access::DefaultChain => Ok(()),
    }
}

/// The destination as it is configured now; a sync that is only previewed may have none yet.
async fn configured(worker: &Worker, claim: &Claim) -> Result<Option<store::Destination>, Error> {
    let found = match worker.scope.sync_details(claim.sync).await {
        Ok(sync) => worker.scope.destination(sync.destination).await,
        Err(error) => Err(error),
    };
    match found {
        Ok(destination) => Ok(Some(destination)),
        Err(store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn same_role(one: &Destination, other: &Destination) -> bool {
    let arn = |destination: &Destination| match &destination.credentials {
        Credentials::Role { role_arn } => Some(role_arn.clone()),
        Credentials::AccessKey { .. } | Credentials::DefaultChain {} => None,
    };
    arn(one).is_some() && arn(one) == arn(other) && one.region == other.region
}

fn accepted(destination: &store::Destination) -> bool {
    let verdict = destination.verification.as_ref().and_then(|found| found.get("role_verdict"));
    verdict.and_then(|verdict| serde_json::from_value(verdict.clone()).ok()) == Some(RoleVerdict::Accepted)
}

/// As verifying a destination would write it.
fn verification(role: &RoleCheck) -> Verification {
    let why = || "a run checked the role alone; verify the destination to try the rest".to_owned();
    Verification {
        role_verdict: Some(role.verdict()),
        role: Some(role.clone()),
        streams: Finding::NotTried(why()),
        put: Finding::NotTried(why()),
        details: Finding::NotTried(why()),
        shards: Finding::NotTried(why()),
    }
}

fn random() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

fn judge(role_arn: &str, found: &RoleCheck) -> Result<(), Error> {
    const CONDITION: &str = "Put the trust policy that is shown with the destination, with its condition on sts:ExternalId, \
                             into the role, then run again";
    let why = match found.verdict() {
        RoleVerdict::Accepted => return Ok(()),
        RoleVerdict::TrustsEveryone => {
            format!(
                "it can be assumed with any external id, so that others could use it through this service. {CONDITION}"
            )
        }
        RoleVerdict::TrustsWithoutExternalId => {
            format!(
                "it can be assumed without an external id, so that others could use it through this service. {CONDITION}"
            )
        }
        RoleVerdict::Refused => format!(
            "it cannot be assumed with the external id of this workspace ({}). Compare the trust policy of the role with \
             the one that is shown with the destination, then run again",
            first_reason([&found.right])
        ),
        RoleVerdict::Inconclusive => format!(
            "whether it is safe to use could not be found out ({}). Nothing has to be changed: run again later, or verify \
             the destination to see more",
            first_reason([&found.right, &found.without, &found.wrong])
        ),
    };
    Err(Error::RoleNotAccepted { role_arn: role_arn.to_owned(), why })
}

fn first_reason<const N: usize>(attempts: [&Attempt; N]) -> &str {
    let inconclusive = attempts.iter().find(|attempt| matches!(attempt, Attempt::Inconclusive { .. }));
    match inconclusive.or_else(|| attempts.first()) {
        Some(Attempt::Refused { reason } | Attempt::Inconclusive { reason }) => reason,
        Some(Attempt::Assumed) | None => "no reason was given",
    }
}
