//! What the operator decides about runs. `server` fills it from its configuration.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use domain::egress::EgressPolicy;
use domain::{Secret, WorkspaceId};
use objects::Objects;

use crate::shard_maps::ShardMaps;

/// Finds the value of a secret on this machine; the text of an error names the variable or file.
pub type Secrets = Arc<dyn Fn(&Secret) -> Result<String, String> + Send + Sync>;

#[derive(Clone)]
pub struct Settings {
    /// Names this worker in runs and attempts.
    pub worker: String,
    /// The folder of the object storage.
    pub objects: PathBuf,
    /// The bucket of the object storage, instead of the folder.
    pub bucket: Option<Objects>,
    /// The folder of scratch files.
    pub scratch: PathBuf,
    /// Bytes that one run may write to scratch.
    pub scratch_bytes: u64,
    /// Memory that planning may take, apart from what the source's client needs for one chunk.
    pub plan_memory: usize,
    /// Environment and files of this machine. A service for tenants has none: their configurations would read what is
    /// the operator's. Secrets that the service keeps itself are opened by the store.
    pub secrets: Option<Secrets>,
    /// Whose destinations may use the credentials of the service itself.
    pub default_chain: DefaultChain,
    /// Whether a destination may name another endpoint than that of AWS.
    pub endpoint_override: bool,
    /// Where connections may lead that a tenant names.
    pub egress: EgressPolicy,
    /// As whom the service takes on the roles that trust it. Without one it takes on none.
    pub identity: Option<kinesis::Base>,
    /// Another address than that of AWS for taking on roles: a simulator's.
    pub sts_endpoint: Option<String>,
    /// What a run may take. Whoever works for several workspaces sets it for each.
    pub limits: RunLimits,
    /// A run whose attempts died so often in a row is not tried again; 0 stands for 1.
    pub max_died_attempts: u32,
    pub window: WindowLimits,
    /// How long a put without an answer may still be applied.
    pub settling: Duration,
    pub lease: Duration,
    pub puts: kinesis::WriterSettings,
    pub call_timeout: Duration,
    /// Objects that nothing names are kept this long before they are collected.
    pub garbage_age: Duration,
    /// What this process knows of streams; workers that are clones share it.
    pub shard_maps: ShardMaps,
}

/// Who may put records with the rights of the service itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum DefaultChain {
    #[default]
    Nobody,
    Everyone,
    Only(Vec<WorkspaceId>),
}

impl DefaultChain {
    pub fn allows(&self, workspace: WorkspaceId) -> bool {
        match self {
            Self::Nobody => false,
            Self::Everyone => true,
            Self::Only(workspaces) => workspaces.contains(&workspace),
        }
    }
}

/// What a run may take before it ends as failed; what was acknowledged until then is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RunLimits {
    /// That the query may return.
    pub rows: Option<u64>,
    /// That planning may write to scratch.
    pub spilled_bytes: Option<u64>,
    /// From the first claim of the run on, over all its attempts.
    pub time: Option<Duration>,
    /// That the snapshots of the whole workspace may take on the object storage when a run begins.
    pub stored_bytes: Option<u64>,
}

/// Promise P2's W: what may be sent twice after a crash.
#[derive(Debug, Clone, Copy)]
pub struct WindowLimits {
    pub records: usize,
    /// Of messages and values, so that a window fits into memory.
    pub bytes: usize,
    pub time: Duration,
}

impl Default for WindowLimits {
    fn default() -> Self {
        Self { records: 50_000, bytes: 32 << 20, time: Duration::from_secs(2) }
    }
}

impl Settings {
    /// Everything but the folders has its default, which allows nothing. `home` holds `objects/` and `scratch/`.
    pub fn new(home: &std::path::Path, worker: String, secrets: impl Into<Option<Secrets>>) -> Self {
        Self {
            worker,
            objects: home.join("objects"),
            bucket: None,
            scratch: home.join("scratch"),
            scratch_bytes: 64 << 30,
            plan_memory: 64 << 20,
            secrets: secrets.into(),
            default_chain: DefaultChain::Nobody,
            endpoint_override: false,
            egress: EgressPolicy::default(),
            identity: None,
            sts_endpoint: None,
            limits: RunLimits::default(),
            max_died_attempts: 5,
            window: WindowLimits::default(),
            settling: Duration::from_secs(60),
            lease: Duration::from_secs(30),
            puts: kinesis::WriterSettings::default(),
            call_timeout: Duration::from_secs(5),
            garbage_age: Duration::from_secs(24 * 60 * 60),
            shard_maps: ShardMaps::default(),
        }
    }
}

impl Settings {
    /// The object storage of all workspaces.
    pub(crate) fn storage(&self) -> Result<Objects, crate::Error> {
        match &self.bucket {
            Some(bucket) => Ok(bucket.clone()),
            None => Ok(Objects::local(&self.objects)?),
        }
    }

    /// Removes what dead processes left in the scratch folder.
    pub(crate) fn sweep_scratch(&self) -> Result<usize, crate::Error> {
        Ok(spill::sweep(&self.scratch)?)
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("worker", &self.worker).field("objects", &self.objects).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identity_of_the_service_is_for_those_who_are_named() {
        let workspace = |n| WorkspaceId::from_uuid(uuid::Uuid::from_u128(n));
        assert!(!DefaultChain::default().allows(workspace(1)));
        assert!(DefaultChain::Everyone.allows(workspace(1)));
        let only = DefaultChain::Only(vec![workspace(1)]);
        assert!(only.allows(workspace(1)) && !only.allows(workspace(2)));
    }
}
