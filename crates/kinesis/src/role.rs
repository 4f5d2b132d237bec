use std::time::Duration;

use domain::WorkspaceId;

use crate::error::Error;
use crate::settings::Keys;

/// A role of the customer's account, and what assuming it takes.
#[derive(Debug, Clone)]
pub struct RoleAccess {
    pub role_arn: String,
    /// That of the workspace; never one that a tenant names.
    pub external_id: String,
    /// What the customer's CloudTrail shows: see [`session_name`].
    pub session_name: String,
    /// As whom the role is assumed.
    pub base: Base,
    /// The one stream that the session may put into. `None`: any stream of the region, for looking around.
    pub stream: Option<String>,
    /// A session is replaced when it will end so soon. If that fails for the time being, it is used until it ends.
    pub refresh_before: Duration,
}

/// The identity of the service.
#[derive(Debug, Clone)]
pub enum Base {
    Keys(Keys),
    /// As the AWS SDK finds it: environment, profile, web identity, container, instance.
    DefaultChain,
}

/// How long a session lives. No role allows less, and none that is assumed from another role's session allows more.
pub(crate) const SESSION: Duration = Duration::from_secs(3600);
const REFRESH_BEFORE: Duration = Duration::from_secs(600);
const MAX_SESSION_NAME: usize = 64;
const MAX_EXTERNAL_ID: usize = 1224;

impl RoleAccess {
    pub fn new(
        role_arn: impl Into<String>,
        external_id: impl Into<String>,
        session_name: impl Into<String>,
        base: Base,
    ) -> Self {
        Self {
            role_arn: role_arn.into(),
            external_id: external_id.into(),
            session_name: session_name.into(),
            base,
            stream: None,
            refresh_before: REFRESH_BEFORE,
        }
    }

    /// Narrows the sessions to one stream, by its name.
    #[must_use]
    pub fn for_stream(self, name: impl Into<String>) -> Self {
        Self { stream: Some(name.into()), ..self }
    }

    /// What sessions may do at most, whatever the role may do.
    pub(crate) fn session_policy(&self, region: &str) -> Result<String, Error> {
        let account = account_of(&self.role_arn)?;
        Ok(domain::aws_setup::permission_policy(region, Some(account), self.stream.as_deref()).to_string())
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        account_of(&self.role_arn)?;
        check_external_id(&self.external_id)?;
        if self.session_name.len() < 2 || sanitized(&self.session_name) != self.session_name {
            let name = &self.session_name;
            let what = format!("`{name}` cannot be the name of a session: 2 to 64 letters, digits or any of _+=,.@-");
            return Err(Error::Settings { what });
        }
        Ok(())
    }
}

/// `ws_..-run_..`: the workspace, and what the session is for. Names have at most 64 characters, so that the end of a
/// long id is cut off.
pub fn session_name(workspace: WorkspaceId, purpose: &str) -> String {
    sanitized(&format!("{workspace}-{purpose}"))
}

pub(crate) fn check_external_id(external_id: &str) -> Result<(), Error> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&byte);
    if (2..=MAX_EXTERNAL_ID).contains(&external_id.len()) && external_id.bytes().all(known) {
        return Ok(());
    }
    let what = "the external id must have 2 to 1,224 letters, digits or any of _+=,.@:/-: generate it anew";
    Err(Error::Settings { what: what.to_owned() })
}

fn sanitized(name: &str) -> String {
    let known = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    name.chars().take(MAX_SESSION_NAME).map(|c| if known(c) { c } else { '-' }).collect()
}

/// The account in `arn:aws:iam::111122223333:role/NAME`.
fn account_of(role_arn: &str) -> Result<&str, Error> {
    let parts: Vec<_> = role_arn.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", partition, "iam", "", account, role]
            if partition.starts_with("aws")
                && account.len() == 12
                && account.bytes().all(|byte| byte.is_ascii_digit())
                && role.strip_prefix("role/").is_some_and(|name| !name.is_empty())
                && role.bytes().all(|byte| byte.is_ascii_graphic()) =>
        {
            Ok(account)
        }
        _ => {
            let what = format!(
                "`{role_arn}` is not the ARN of a role: copy it from IAM, as arn:aws:iam::111122223333:role/NAME"
            );
            Err(Error::Settings { what })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_named_after_workspace_and_run() {
        let workspace: WorkspaceId = "ws_0190a1b2c3d47e5f8a9b0c1d2e3f4a5b".parse().unwrap();
        let name = session_name(workspace, "run_0190ffffc3d47e5f8a9b0c1d2e3f4a5b");
        assert_eq!(name, "ws_0190a1b2c3d47e5f8a9b0c1d2e3f4a5b-run_0190ffffc3d47e5f8a9b0c1d");
        assert_eq!(name.len(), MAX_SESSION_NAME);
        assert_eq!(session_name(workspace, "é/ b"), "ws_0190a1b2c3d47e5f8a9b0c1d2e3f4a5b----b");
    }

    #[test]
    fn only_the_arn_of_a_role_is_taken_for_one() {
        for arn in ["arn:aws:iam::111122223333:role/r", "arn:aws-cn:iam::111122223333:role/path/r"] {
            assert_eq!(account_of(arn).unwrap(), "111122223333");
        }
        for wrong in [
            "",
            "r",
            "arn:aws:iam::111122223333:user/r",
            "arn:aws:iam::11112222333:role/r",
            "arn:aws:iam::111122223333:role/",
            "arn:aws:iam::111122223333:role/a b",
            "arn:aws:sts::111122223333:assumed-role/r/s",
        ] {
            assert!(account_of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_session_is_narrowed_to_its_stream() {
        let access = RoleAccess::new("arn:aws:iam::111122223333:role/r", "external", "session", Base::DefaultChain);
        let policy = access.clone().for_stream("orders").session_policy("eu-west-1").unwrap();
        assert!(
            policy.contains("arn:aws:kinesis:eu-west-1:111122223333:stream/orders") && !policy.contains("stream/*")
        );
        assert!(
            access.session_policy("eu-west-1").unwrap().contains("arn:aws:kinesis:eu-west-1:111122223333:stream/*")
        );
    }
}
