//! What the operator decides: one YAML file, and the environment over it. All of it is checked at the start, and all that
//! is wrong is told at once.

mod file;
mod hidden;
mod problem;
mod reader;
mod sections;
mod value;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::{WorkspaceId, egress::Network};

pub(crate) use hidden::Hidden;
pub(crate) use problem::{Problem, Problems};
pub(crate) use reader::Entry;
pub(crate) use value::{Arn, Bytes, Cap, Identity, LogFormat, Origin, Rate, SignUp};

/// Every setting is documented in `rowcast.example.yaml`.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) database: Database,
    pub(crate) objects_folder: Option<PathBuf>,
    pub(crate) bucket: Option<Bucket>,
    pub(crate) scratch: Scratch,
    pub(crate) http: Http,
    pub(crate) accounts: Accounts,
    pub(crate) master_keys: Option<store::MasterKeys>,
    pub(crate) worker: Worker,
    pub(crate) quotas: Quotas,
    pub(crate) egress: Egress,
    pub(crate) aws: Aws,
    pub(crate) prices: api::Prices,
    pub(crate) retention: Retention,
    pub(crate) log: Log,
    pub(crate) metrics_listen: Option<SocketAddr>,
}

#[derive(Debug, Clone)]
pub(crate) struct Database {
    pub(crate) url: Option<Hidden>,
    pub(crate) worker_url: Option<Hidden>,
    pub(crate) migrate_url: Option<Hidden>,
    pub(crate) migrate_on_start: bool,
    pub(crate) connections: u32,
    pub(crate) worker_connections: u32,
}

/// Where objects lie if not in a folder.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    pub(crate) name: String,
    pub(crate) prefix: String,
    pub(crate) region: String,
    pub(crate) endpoint: Option<Origin>,
    /// With its secret. None: the default chain of AWS.
    pub(crate) access_key: Option<(String, Hidden)>,
}

#[derive(Debug, Clone)]
pub(crate) struct Scratch {
    pub(crate) folder: Option<PathBuf>,
    pub(crate) bytes: Bytes,
}

#[derive(Debug, Clone)]
pub(crate) struct Http {
    pub(crate) listen: SocketAddr,
    pub(crate) public_url: Option<Origin>,
    pub(crate) trusted_proxy: bool,
    pub(crate) body_limit: Bytes,
    pub(crate) request_timeout: Duration,
    pub(crate) drain: Duration,
    pub(crate) rates: Rates,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Rates {
    pub(crate) address: Rate,
    pub(crate) attempts: Rate,
    pub(crate) account: Rate,
    pub(crate) credential: Rate,
    pub(crate) workspace: Rate,
}

#[derive(Debug, Clone)]
pub(crate) struct Accounts {
    pub(crate) sign_up: SignUp,
    pub(crate) session_lifetime: Duration,
    pub(crate) invitation_lifetime: Duration,
    pub(crate) reset_lifetime: Duration,
    pub(crate) password_slots: u32,
}

#[derive(Debug, Clone)]
pub(crate) struct Worker {
    pub(crate) concurrency: u32,
    pub(crate) jobs: u32,
    pub(crate) jobs_per_workspace: u32,
    pub(crate) query_time: Duration,
    pub(crate) lease: Duration,
    pub(crate) plan_memory: Bytes,
    pub(crate) window_records: u32,
    pub(crate) window_time: Duration,
    pub(crate) settling: Duration,
    pub(crate) max_died_attempts: u32,
    pub(crate) drain: Duration,
}

/// What a workspace gets unless the operator granted it something else.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quotas {
    pub(crate) running_runs: u32,
    pub(crate) rows_per_run: Cap<u64>,
    pub(crate) spilled_bytes_per_run: Cap<Bytes>,
    pub(crate) run_time: Cap<Duration>,
    pub(crate) previews: u32,
    pub(crate) stored_bytes: Cap<Bytes>,
    pub(crate) syncs: Cap<u32>,
    pub(crate) members: Cap<u32>,
}

#[derive(Debug, Clone)]
pub(crate) struct Egress {
    pub(crate) allow: Vec<Network>,
    pub(crate) unix_sockets: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Aws {
    pub(crate) identity: Identity,
    pub(crate) access_key_id: Option<String>,
    pub(crate) secret_access_key: Option<Hidden>,
    pub(crate) session_token: Option<Hidden>,
    pub(crate) principal_arn: Option<Arn>,
    pub(crate) service_identity: Vec<WorkspaceId>,
    pub(crate) sts_endpoint: Option<Origin>,
    pub(crate) allow_endpoint_override: bool,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Retention {
    pub(crate) runs: Duration,
    pub(crate) audit: Duration,
    pub(crate) jobs: Duration,
    pub(crate) backup: Duration,
}

#[derive(Debug, Clone)]
pub(crate) struct Log {
    pub(crate) format: LogFormat,
    pub(crate) level: String,
}

/// A configuration, and what `rowcast config check` shows of it.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) config: Config,
    pub(crate) entries: Vec<Entry>,
}

impl Retention {
    /// Objects that nothing names any more are still named by a backup: they outlive the longest one by a day.
    pub(crate) fn garbage_age(&self) -> Duration {
        self.backup + Duration::from_hours(24)
    }
}

/// From the file, if there is one, and the environment.
pub(crate) fn load(path: Option<&Path>, environment: &BTreeMap<String, String>) -> Result<Loaded, Problems> {
    let text = match path {
        None => None,
        Some(path) => {
            Some((path.display().to_string(), std::fs::read_to_string(path).map_err(|error| unread(path, &error))?))
        }
    };
    parse(text.as_ref().map(|(name, text)| (name.as_str(), text.as_str())), environment)
}

fn unread(path: &Path, error: &std::io::Error) -> Problems {
    let what = format!("the file {} cannot be read: {error}; correct --config or ROWCAST_CONFIG", path.display());
    Problems(vec![Problem { key: String::new(), origin: file::Origin::Default, what }])
}

fn parse(text: Option<(&str, &str)>, environment: &BTreeMap<String, String>) -> Result<Loaded, Problems> {
    let mut given = match text {
        Some((name, text)) => file::read_file(name, text).map_err(|problem| Problems(vec![problem]))?,
        None => file::Given::new(),
    };
    file::add_environment(&mut given, environment);
    let mut reader = reader::Reader::new(given);
    let config = sections::read(&mut reader);
    Ok(Loaded { entries: reader.finish()?, config })
}

impl Config {
    /// What is allowed, and the operator should know.
    pub(crate) fn warnings(&self) -> Vec<String> {
        sections::warnings(self)
    }
}

/// The effective configuration as text, a line a setting, with where each value comes from.
pub(crate) fn show(entries: &[Entry]) -> String {
    let line = |entry: &Entry| format!("{} = {}  # {}\n", entry.key, entry.value, entry.origin);
    entries.iter().map(line).collect()
}

#[cfg(test)]
mod tests;
