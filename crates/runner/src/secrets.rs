//! The values of secrets that a configuration names.

use domain::{Secret, SecretId};
use store::Scope;

use crate::Error;
use crate::settings::{Secrets, Settings};

/// Where the secrets of a workspace are found: in the store, and on this machine if the operator lets configurations
/// read it.
#[derive(Clone, Copy)]
pub(crate) struct SecretReader<'a> {
    machine: Option<&'a Secrets>,
    scope: &'a Scope,
}

impl<'a> SecretReader<'a> {
    pub(crate) const fn new(settings: &'a Settings, scope: &'a Scope) -> Self {
        Self { machine: settings.secrets.as_ref(), scope }
    }

    pub(crate) async fn read(&self, secret: &Secret) -> Result<String, Error> {
        let what = match secret {
            Secret::Stored(id) => return self.open(*id).await,
            Secret::Env(_) => "environment variable",
            Secret::File(_) => "file",
        };
        let machine = self.machine.ok_or(Error::SecretOfMachine { what })?;
        machine(secret).map_err(Error::Secret)
    }

    pub(crate) async fn read_optional(&self, secret: Option<&Secret>) -> Result<Option<String>, Error> {
        match secret {
            Some(secret) => self.read(secret).await.map(Some),
            None => Ok(None),
        }
    }
    async fn open(&self, secret: SecretId) -> Result<String, Error> {
        let opened = self.scope.open_secret(secret).await.map_err(Error::StoredSecret)?;
        Ok(opened.expose().to_owned())
    }
}
