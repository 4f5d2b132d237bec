use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::policy::Policy;
use crate::ACCOUNT_ID;

/// A role of the simulator's account, with its policies as IAM writes them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// `arn:aws:iam::000000000000:role/NAME`
    pub arn: String,
    /// Who may assume it.
    pub trust_policy: Value,
    /// What its sessions may do.
    pub permission_policy: Value,
    /// The longest session that can be asked for.
    #[serde(default = "an_hour")]
    pub max_session_seconds: i64,
}

impl Role {
    /// A role that trusts this principal (an ARN, an account, or `*`), on condition of an external id if one is given.
    /// It may do everything with Kinesis; replace `permission_policy` for less.
    #[must_use]
    pub fn trusting(name: &str, principal: &str, external_id: Option<&str>) -> Self {
        let mut statement = json!({"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"});
        if let Some(external_id) = external_id {
            statement["Condition"] = json!({"StringEquals": {"sts:ExternalId": external_id}});
        }
        Self {
            arn: format!("arn:aws:iam::{ACCOUNT_ID}:role/{name}"),
            trust_policy: json!({"Version": "2012-10-17", "Statement": [statement]}),
            permission_policy: json!({
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": "kinesis:*", "Resource": "*"}],
            }),
            max_session_seconds: an_hour(),
        }
    }

    #[must_use]
    pub fn permission_policy(self, permission_policy: Value) -> Self {
        Self { permission_policy, ..self }
    }

    #[must_use]
    pub fn trust_policy(self, trust_policy: Value) -> Self {
        Self { trust_policy, ..self }
    }
}

fn an_hour() -> i64 {
    3_600
}

/// A role whose policies were understood.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) role: Role,
    pub(super) trust: Policy,
    pub(super) permissions: Policy,
}

impl Known {
    pub(super) fn read(role: Role) -> Result<Self, String> {
        let head = format!("arn:aws:iam::{ACCOUNT_ID}:role/");
        if role.arn.strip_prefix(&head).is_none_or(str::is_empty) {
            return Err(format!("its ARN must begin with {head}, and a name must follow"));
        }
        let trust = Policy::trust(&role.trust_policy).map_err(|what| format!("trust policy: {what}"))?;
        let permissions =
            Policy::permissions(&role.permission_policy).map_err(|what| format!("permission policy: {what}"))?;
        Ok(Self { role, trust, permissions })
    }
}

/// The last part of the ARN; a path before it is not part of the name.
pub(super) fn role_name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or_default()
}
