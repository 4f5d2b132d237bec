//! What the operator decides about runs. `server` fills it from its configuration.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use domain::Secret;

/// Finds the value of a secret; the text of an error names the variable or file.
pub type Secrets = Arc<dyn Fn(&Secret) -> Result<String, String> + Send + Sync>;

#[derive(Clone)]
pub struct Settings {
    /// Names this worker in runs and attempts.
    pub worker: String,
    /// The folder of the object storage.
    pub objects: PathBuf,
    /// The folder of scratch files.
    pub scratch: PathBuf,
    /// Bytes that one run may write to scratch.
    pub scratch_bytes: u64,
    /// Memory that planning may take, apart from what the source's client needs for one chunk.
    pub plan_memory: usize,
    pub secrets: Secrets,
    /// Whether a destination may use the credentials of the service itself.
    pub default_chain: bool,
    pub window: WindowLimits,
    /// How long a put without an answer may still be applied.
    pub settling: Duration,
    pub lease: Duration,
    pub puts: kinesis::WriterSettings,
    pub call_timeout: Duration,
    /// Objects that nothing names are kept this long before they are collected.
    pub garbage_age: Duration,
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
    /// Everything but the folders has its default. `home` holds `objects/` and `scratch/`.
    pub fn new(home: &std::path::Path, worker: String, secrets: Secrets) -> Self {
        Self {
            worker,
            objects: home.join("objects"),
            scratch: home.join("scratch"),
            scratch_bytes: 64 << 30,
            plan_memory: 64 << 20,
            secrets,
            default_chain: false,
            window: WindowLimits::default(),
            settling: Duration::from_secs(60),
            lease: Duration::from_secs(30),
            puts: kinesis::WriterSettings::default(),
            call_timeout: Duration::from_secs(5),
            garbage_age: Duration::from_secs(24 * 60 * 60),
        }
    }
}

impl Settings {
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
