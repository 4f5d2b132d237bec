//! What may be done with an access, finding by finding. Nothing is written, and nothing is taken for granted.

use serde::{Deserialize, Serialize};

use crate::client::Client;
use crate::dry_run::DryRun;
use crate::error::Error;
use crate::failure::{Failure, Kind, RoleTrouble};
use crate::role::{RoleAccess, check_external_id};
use crate::settings::{Access, Settings};
use crate::shards::{Shard, StreamDetails};
use crate::streams::StreamSummary;
use crate::sts::{Ask, Sts};

/// What came of assuming a role in three ways.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleCheck {
    /// With the external id of the workspace.
    pub right: Attempt,
    /// With none.
    pub without: Attempt,
    /// With one that begins like the right one and goes on otherwise.
    pub wrong: Attempt,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum Attempt {
    Assumed,
    /// By AccessDenied, and nothing else.
    Refused {
        reason: String,
    },
    /// Neither: nothing is known.
    Inconclusive {
        reason: String,
    },
}

/// Whether the role may be stored and used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RoleVerdict {
    /// It is assumed with the right external id, and refused without one and with a wrong one.
    Accepted,
    /// Any external id opens it, so that other customers of the service could use it.
    TrustsEveryone,
    /// No external id is needed, with the same consequence.
    TrustsWithoutExternalId,
    /// The right external id does not open it.
    Refused,
    /// Check again later.
    Inconclusive,
}

impl RoleCheck {
    pub fn verdict(&self) -> RoleVerdict {
        use Attempt::{Assumed, Inconclusive, Refused};
        match (&self.right, &self.without, &self.wrong) {
            (_, _, Assumed) => RoleVerdict::TrustsEveryone,
            (_, Assumed, _) => RoleVerdict::TrustsWithoutExternalId,
            (Refused { .. }, _, _) => RoleVerdict::Refused,
            (Inconclusive { .. }, _, _) | (_, Inconclusive { .. }, _) | (_, _, Inconclusive { .. }) => {
                RoleVerdict::Inconclusive
            }
            (Assumed, Refused { .. }, Refused { .. }) => RoleVerdict::Accepted,
        }
    }
}

/// What is known of one right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", content = "detail", rename_all = "kebab-case")]
pub enum Finding<T> {
    Works(T),
    /// AWS denies it.
    NotPermitted(String),
    /// It does not work, for another reason.
    Failed(String),
    /// No usable answer came.
    Inconclusive(String),
    /// Why it was not tried.
    NotTried(String),
}

impl<T> Finding<T> {
    pub fn works(&self) -> bool {
        matches!(self, Self::Works(_))
    }
}

impl<T> From<Result<T, Error>> for Finding<T> {
    fn from(result: Result<T, Error>) -> Self {
        match result {
            Ok(value) => Self::Works(value),
            Err(error) if error.is_denial() => Self::NotPermitted(error.to_string()),
            Err(error) if error.is_inconclusive() => Self::Inconclusive(error.to_string()),
            Err(error) => Self::Failed(error.to_string()),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// `None`: the access is no role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<RoleCheck>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_verdict: Option<RoleVerdict>,
    pub streams: Finding<Vec<StreamSummary>>,
    /// Would the chosen stream take a record?
    pub put: Finding<DryRun>,
    /// Not needed for putting.
    pub details: Finding<StreamDetails>,
    /// Not needed for putting.
    pub shards: Finding<Vec<Shard>>,
}

impl Verification {
    /// Whether all that was tried and that syncs need works, and the role, if there is one, is safe to use.
    pub fn usable(&self) -> bool {
        let safe = self.role_verdict.is_none_or(|verdict| verdict == RoleVerdict::Accepted);
        let put = self.put.works() || matches!(self.put, Finding::NotTried(_));
        safe && self.streams.works() && put
    }
}

const ROLE_SECONDS: u64 = 900;

/// Tries the role with the right external id, without one and with a wrong one, which is made with the caller's random
/// letters and digits. A session that begins is thrown away.
pub async fn verify_role(settings: &Settings, role: &RoleAccess, random: &str) -> Result<RoleCheck, Error> {
    role.check()?;
    if random.is_empty() {
        return Err(Error::Settings { what: "a wrong external id needs something random at its end".to_owned() });
    }
    // Too long a right one leaves no room for letters after it; a wrong beginning then does as well.
    let wrong = format!("{}-{random}", role.external_id.chars().take(1000).collect::<String>());
    check_external_id(&wrong)?;
    let sts = Sts::new(settings, role).await?;
    let policy = role.session_policy(&settings.region)?;
    let attempt = async |external_id: Option<&str>| {
        let ask = Ask {
            role_arn: &role.role_arn,
            session_name: &role.session_name,
            external_id,
            policy: &policy,
            seconds: ROLE_SECONDS,
        };
        outcome(sts.assume(&ask).await)
    };
    let (right, without, wrong) =
        futures::join!(attempt(Some(&role.external_id)), attempt(None), attempt(Some(&wrong)));
    Ok(RoleCheck { right, without, wrong })
}

fn outcome<T>(assumed: Result<T, Failure>) -> Attempt {
    match assumed {
        Ok(_) => Attempt::Assumed,
        Err(failure) if failure.kind == Kind::Role(RoleTrouble::Refused) => {
            Attempt::Refused { reason: failure.to_string() }
        }
        Err(failure) => Attempt::Inconclusive { reason: failure.to_string() },
    }
}

/// Everything that can be known of an access without writing: is the role safe, which streams are there, and would the
/// chosen one take records? An `Err` says that the settings cannot work at all.
pub async fn verify(settings: Settings, stream: Option<&str>, random: &str) -> Result<Verification, Error> {
    let role = match &settings.access {
        Access::Role(role) => Some(verify_role(&settings, role, random).await?),
        Access::Keys(_) | Access::DefaultChain => None,
    };
    let mut verification = Verification {
        role_verdict: role.as_ref().map(RoleCheck::verdict),
        streams: not_tried(),
        put: not_tried(),
        details: not_tried(),
        shards: not_tried(),
        role,
    };
    // A role that opens to others may be a stranger's: whoever named it learns nothing through it.
    if verification.role_verdict.is_some_and(|verdict| verdict != RoleVerdict::Accepted) {
        return Ok(verification);
    }
    let client = Client::new(settings).await?;
    verification.streams = client.list_streams().await.into();
    let chosen = match (&verification.streams, stream) {
        (_, None) => Err("no stream was chosen"),
        (Finding::Works(streams), Some(name)) => {
            let found = streams.iter().find(|stream| stream.name == name);
            found.map(StreamSummary::stream).ok_or("there is no stream of this name")
        }
        (_, Some(_)) => Err("the streams could not be listed"),
    };
    match chosen {
        Err(why) => {
            let why = why.to_owned();
            let missing = stream.is_some() && verification.streams.works();
            verification.put = if missing { Finding::Failed(why.clone()) } else { Finding::NotTried(why.clone()) };
            (verification.details, verification.shards) = (Finding::NotTried(why.clone()), Finding::NotTried(why));
        }
        Ok(stream) => {
            let (put, details, shards) =
                futures::join!(client.dry_run(&stream), client.describe(&stream), client.list_shards(&stream));
            (verification.put, verification.details, verification.shards) = (put.into(), details.into(), shards.into());
        }
    }
    Ok(verification)
}

fn not_tried<T>() -> Finding<T> {
    Finding::NotTried("the role was not accepted".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_accepted_only_if_it_opens_to_the_right_external_id_and_to_nothing_else() {
        let reason = || "because".to_owned();
        let all =
            || [Attempt::Assumed, Attempt::Refused { reason: reason() }, Attempt::Inconclusive { reason: reason() }];
        let mut accepted = 0;
        for right in all() {
            for without in all() {
                for wrong in all() {
                    let check = RoleCheck { right: right.clone(), without: without.clone(), wrong: wrong.clone() };
                    let refused = |attempt: &Attempt| matches!(attempt, Attempt::Refused { .. });
                    let expected = right == Attempt::Assumed && refused(&without) && refused(&wrong);
                    assert_eq!(check.verdict() == RoleVerdict::Accepted, expected, "{check:?}");
                    let open = wrong == Attempt::Assumed;
                    assert_eq!(check.verdict() == RoleVerdict::TrustsEveryone, open, "{check:?}");
                    accepted += usize::from(expected);
                }
            }
        }
        assert_eq!(accepted, 1);
    }
}
