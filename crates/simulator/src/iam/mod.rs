//! Who calls, and what they may do: principals, roles, and the sessions of roles.

mod policy;
mod role;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::api::{ApiError, Operation};
use crate::{ACCOUNT_ID, Error};

use policy::{Decision, Policy, Question};
pub use role::Role;
use role::{Known, role_name};

/// The longest session of a role that was assumed by a session of a role.
const CHAINED_SECONDS: i64 = 3_600;

/// The credentials that a request was signed with.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) access_key_id: String,
    pub(crate) session_token: Option<String>,
}

/// Whom credentials stand for.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) arn: String,
    pub(crate) user_id: String,
}

/// An AssumeRole request whose fields are valid.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) role_arn: String,
    pub(crate) session_name: String,
    pub(crate) external_id: Option<String>,
    pub(crate) policy: Option<String>,
    pub(crate) seconds: i64,
}

/// Credentials as AssumeRole hands them out.
#[derive(Debug)]
pub(crate) struct Issued {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    pub(crate) session_token: String,
    pub(crate) expires_ms: u64,
    pub(crate) identity: Identity,
}

/// A session that AssumeRole began.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Session {
    pub access_key_id: String,
    pub role_arn: String,
    pub session_name: String,
    /// Who assumed the role.
    pub principal: String,
    pub external_id: Option<String>,
    /// The session policy.
    pub policy: Option<Value>,
    /// Milliseconds since 1970.
    pub expires_ms: u64,
}

#[derive(Debug)]
struct Live {
    session: Session,
    token: String,
    identity: Identity,
    policy: Option<Policy>,
}

#[derive(Debug, Default)]
pub(crate) struct Iam {
    /// ARNs by access key id.
    principals: BTreeMap<String, String>,
    roles: BTreeMap<String, Known>,
    /// In the order in which they began.
    sessions: Vec<Live>,
}

impl Iam {
    pub(crate) fn put_principal(&mut self, access_key_id: String, arn: String) {
        self.principals.insert(access_key_id, arn);
    }

    pub(crate) fn principals(&self) -> &BTreeMap<String, String> {
        &self.principals
    }

    pub(crate) fn put_role(&mut self, role: Role) -> Result<(), Error> {
        let arn = role.arn.clone();
        let known = Known::read(role).map_err(|what| Error::Role { arn: arn.clone(), what })?;
        self.roles.insert(arn, known);
        Ok(())
    }

    pub(crate) fn roles(&self) -> Vec<Role> {
        self.roles.values().map(|known| known.role.clone()).collect()
    }

    pub(crate) fn clear_roles(&mut self) {
        self.roles.clear();
    }

    pub(crate) fn sessions(&self) -> Vec<Session> {
        self.sessions.iter().map(|live| live.session.clone()).collect()
    }

    pub(crate) fn age_sessions(&mut self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        for live in &mut self.sessions {
            live.session.expires_ms = live.session.expires_ms.saturating_sub(by);
        }
    }

    /// Whom a call is made by, if its credentials are still good.
    pub(crate) fn identify(&self, caller: &Caller, operation: Operation, now_ms: u64) -> Result<Identity, ApiError> {
        match self.session_of(caller, operation, now_ms)? {
            Some(live) => Ok(live.identity.clone()),
            None => {
                let root = || format!("arn:aws:iam::{ACCOUNT_ID}:root");
                let arn = self.principals.get(&caller.access_key_id).cloned().unwrap_or_else(root);
                Ok(Identity { arn, user_id: caller.access_key_id.clone() })
            }
        }
    }

    /// Whether a call of Kinesis may be made. Credentials that STS did not hand out may do everything.
    pub(crate) fn authorize(
        &self,
        caller: &Caller,
        operation: Operation,
        resource: &str,
        now_ms: u64,
    ) -> Result<(), ApiError> {
        let Some(live) = self.session_of(caller, operation, now_ms)? else { return Ok(()) };
        let action = operation.action();
        let question = Question { action: &action, resource, principal: None, external_id: None };
        let role = self.roles.get(&live.session.role_arn).map(|known| &known.permissions);
        let by_role = role.map_or(Decision::Silent, |policy| policy.decide(&question));
        let by_session = live.policy.as_ref().map_or(Decision::Allowed, |policy| policy.decide(&question));
        let because = match (by_role, by_session) {
            (Decision::Allowed, Decision::Allowed) => return Ok(()),
            (Decision::Denied, _) => "with an explicit deny in an identity-based policy".to_owned(),
            (_, Decision::Denied) => "with an explicit deny in a session policy".to_owned(),
            (Decision::Silent, _) => format!("because no identity-based policy allows the {action} action"),
            (_, Decision::Silent) => format!("because no session policy allows the {action} action"),
        };
        let user = &live.identity.arn;
        let message = format!("User: {user} is not authorized to perform: {action} on resource: {resource} {because}");
        Err(ApiError::new("AccessDeniedException", message))
    }

    pub(crate) fn assume(&mut self, caller: &Caller, request: Request, now_ms: u64) -> Result<Issued, ApiError> {
        let chained = self.session_of(caller, Operation::AssumeRole, now_ms)?.is_some();
        let principal = self.identify(caller, Operation::AssumeRole, now_ms)?.arn;
        let policy = request.policy.as_deref().map(session_policy).transpose()?;
        let question = Question {
            action: "sts:AssumeRole",
            resource: &request.role_arn,
            principal: Some(&principal),
            external_id: request.external_id.as_deref(),
        };
        let known = self.roles.get(&request.role_arn);
        let Some(known) = known.filter(|known| known.trust.decide(&question) == Decision::Allowed) else {
            // AWS does not tell a role that does not exist from one that does not trust the caller.
            let on = &request.role_arn;
            let message = format!("User: {principal} is not authorized to perform: sts:AssumeRole on resource: {on}");
            return Err(ApiError::new("AccessDenied", message).with_status(403));
        };
        if request.seconds > known.role.max_session_seconds {
            let message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
            return Err(ApiError::new("ValidationError", message));
        }
        if chained && request.seconds > CHAINED_SECONDS {
            let message =
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining";
            return Err(ApiError::new("ValidationError", message));
        }
        Ok(self.begin(principal, request, policy, now_ms))
    }

    fn begin(&mut self, principal: String, request: Request, policy: Option<(Value, Policy)>, now_ms: u64) -> Issued {
        let number = self.sessions.len() + 1;
        let Request { role_arn, session_name, external_id, seconds, .. } = request;
        let access_key_id = format!("ASIA{number:016}");
        let session_token = format!("simulated-session-token-{number}");
        let expires_ms = now_ms + u64::try_from(seconds).unwrap_or_default() * 1_000;
        let identity = Identity {
            arn: format!("arn:aws:sts::{ACCOUNT_ID}:assumed-role/{}/{session_name}", role_name(&role_arn)),
            user_id: format!("AROASIMULATED:{session_name}"),
        };
        let (text, policy) = policy.unzip();
        self.sessions.push(Live {
            session: Session {
                access_key_id: access_key_id.clone(),
                role_arn,
                session_name,
                principal,
                external_id,
                policy: text,
                expires_ms,
            },
            token: session_token.clone(),
            identity: identity.clone(),
            policy,
        });
        let secret_access_key = format!("simulated-secret-{number}");
        Issued { access_key_id, secret_access_key, session_token, expires_ms, identity }
    }

    /// The session whose credentials the caller uses, if they are those of one.
    fn session_of(&self, caller: &Caller, operation: Operation, now_ms: u64) -> Result<Option<&Live>, ApiError> {
        let used = |live: &&Live| live.session.access_key_id == caller.access_key_id;
        let Some(live) = self.sessions.iter().find(used) else { return Ok(None) };
        let sts = operation.is_sts();
        let refused = |code: &'static str, message: &str| {
            Err(ApiError::new(code, message).with_status(if sts { 403 } else { 400 }))
        };
        if caller.session_token.as_deref() != Some(&live.token) {
            let code = if sts { "InvalidClientTokenId" } else { "UnrecognizedClientException" };
            return refused(code, "The security token included in the request is invalid.");
        }
        if live.session.expires_ms <= now_ms {
            let code = if sts { "ExpiredToken" } else { "ExpiredTokenException" };
            return refused(code, "The security token included in the request is expired");
        }
        Ok(Some(live))
    }
}

fn session_policy(text: &str) -> Result<(Value, Policy), ApiError> {
    let malformed = |what: String| ApiError::new("MalformedPolicyDocument", what);
    let document: Value = serde_json::from_str(text).map_err(|error| malformed(error.to_string()))?;
    let policy = Policy::permissions(&document).map_err(malformed)?;
    Ok((document, policy))
}
