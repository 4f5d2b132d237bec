use std::collections::BTreeMap;

use domain::{Credentials, Secret, SecretId};
use sqlx::PgTransaction;
use uuid::Uuid;

use crate::secret::Owner;
use crate::{Error, Plaintext, Scope};

/// Values of the secret fields of a configuration, beside it.
pub type Secrets = BTreeMap<String, Plaintext>;

/// Stands in a configuration for a secret whose value is given beside it, or was given before and stays.
pub const SET_BESIDE: Secret = Secret::Stored(SecretId::from_uuid(Uuid::nil()));

/// A place of a configuration that holds a secret.
pub(super) enum Slot<'a> {
    Needed(&'a mut Secret),
    Optional(&'a mut Option<Secret>),
}

pub(super) fn of_source(config: &mut domain::Source) -> Vec<(&'static str, Slot<'_>)> {
    match config {
        domain::Source::Postgres(source) => {
            vec![("url", Slot::Optional(&mut source.url)), ("password", Slot::Optional(&mut source.password))]
        }
    }
}

pub(super) fn of_destination(config: &mut domain::Destination) -> Vec<(&'static str, Slot<'_>)> {
    match &mut config.credentials {
        Credentials::AccessKey { access_key_id, secret_access_key, session_token } => vec![
            ("access_key_id", Slot::Needed(access_key_id)),
            ("secret_access_key", Slot::Needed(secret_access_key)),
            ("session_token", Slot::Optional(session_token)),
        ],
        Credentials::Role { .. } | Credentials::DefaultChain {} => Vec::new(),
    }
}

impl Slot<'_> {
    fn get(&self) -> Option<&Secret> {
        match self {
            Self::Needed(secret) => Some(secret),
            Self::Optional(secret) => secret.as_ref(),
        }
    }

    fn put(self, stored: Secret) {
        match self {
            Self::Needed(secret) => *secret = stored,
            Self::Optional(secret) => *secret = Some(stored),
        }
    }
}

impl Scope {
    /// Seals the given values, and names each in its place. A place that names a stored secret keeps the one it has:
    /// it can name no other, whatever id is written there. Secrets without a place are deleted.
    pub(super) async fn fill_slots(
        &self,
        tx: &mut PgTransaction<'_>,
        owner: Owner,
        slots: Vec<(&'static str, Slot<'_>)>,
        values: &Secrets,
    ) -> Result<(), Error> {
        let what = owner.kind();
        if let Some(field) = values.keys().find(|field| slots.iter().all(|(name, _)| name != field)) {
            return Err(Error::NoSecretField { what, field: field.clone() });
        }
        let set = self.read_secret_infos(tx, owner).await?;
        let mut kept = Vec::new();
        for (field, slot) in slots {
            let stored = match (values.get(field), slot.get()) {
                (Some(value), _) => self.seal(tx, owner, field, value).await?,
                (None, Some(Secret::Stored(written))) => {
                    let own = set.get(field).map(|info| info.id);
                    let own = own.filter(|own| own == written || written.uuid().is_nil());
                    own.ok_or_else(|| Error::SecretNeeded { what, field: field.to_owned() })?
                }
                (None, Some(Secret::Env(_) | Secret::File(_)) | None) => continue,
            };
            slot.put(Secret::Stored(stored));
            kept.push(field.to_owned());
        }
        self.keep_secrets(tx, owner, &kept).await
    }
}
