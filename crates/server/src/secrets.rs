//! Secrets are named in configurations and found here: in the environment or in files.

use std::sync::Arc;

use domain::Secret;
use runner::Secrets;

pub(crate) fn from_machine() -> Secrets {
    Arc::new(|secret| match secret {
        #[expect(clippy::disallowed_methods, reason = "this is the edge")]
        Secret::Env(name) => std::env::var(name).map_err(|error| match error {
            std::env::VarError::NotPresent => format!("the environment variable {name} is not set"),
            std::env::VarError::NotUnicode(_) => format!("the environment variable {name} is not valid text"),
        }),
        Secret::Stored(id) => Err(format!("{id} is a secret of the service; name an environment variable or a file")),
        Secret::File(path) => {
            let text =
                std::fs::read_to_string(path).map_err(|error| format!("the file {path} cannot be read: {error}"))?;
            Ok(text.strip_suffix('\n').map_or_else(|| text.clone(), str::to_owned))
        }
    })
}
