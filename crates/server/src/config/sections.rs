//! The settings, section by section: names, defaults and ranges; and what does not go together.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::reader::Reader;
use super::value::{BucketName, Bytes, Cap, Identity, LogFormat, Prefix, Price, Rate, Region, SignUp};
use super::{Accounts, Aws, Bucket, Config, Database, Egress, Http, Log, Quotas, Rates, Retention, Scratch, Worker};

const DAY: Duration = Duration::from_hours(24);
const HOUR: Duration = Duration::from_hours(1);
const MINUTE: Duration = Duration::from_mins(1);
const SECOND: Duration = Duration::from_secs(1);

pub(super) fn read(reader: &mut Reader) -> Config {
    let config = Config {
        database: database(reader),
        objects_folder: reader.optional("objects.folder"),
        bucket: bucket(reader),
        scratch: Scratch {
            folder: reader.optional("scratch.folder"),
            bytes: reader.within("scratch.bytes", Bytes(64 << 30), Bytes(64 << 20)..=Bytes(1 << 50)),
        },
        http: http(reader),
        accounts: accounts(reader),
        master_keys: master_keys(reader),
        worker: worker(reader),
        quotas: quotas(reader),
        egress: Egress { allow: reader.list("egress.allow"), unix_sockets: reader.get("egress.unix_sockets", false) },
        aws: aws(reader),
        prices: prices(reader),
        retention: retention(reader),
        log: log(reader),
        metrics_listen: reader.optional("metrics.listen"),
    };
    check_together(reader, &config);
    config
}

fn database(reader: &mut Reader) -> Database {
    Database {
        url: reader.database_url("database.url", "database.url_file"),
        worker_url: reader.database_url("database.worker_url", "database.worker_url_file"),
        migrate_url: reader.database_url("database.migrate_url", "database.migrate_url_file"),
        migrate_on_start: reader.get("database.migrate_on_start", false),
        connections: reader.within("database.connections", 20, 2..=1_000),
        worker_connections: reader.within("database.worker_connections", 20, 2..=1_000),
    }
}

fn bucket(reader: &mut Reader) -> Option<Bucket> {
    let name: Option<BucketName> = reader.optional("objects.s3.bucket");
    let prefix: Option<Prefix> = reader.optional("objects.s3.prefix");
    let region: Option<Region> = reader.optional("objects.s3.region");
    let endpoint = reader.optional("objects.s3.endpoint");
    let id: Option<String> = reader.optional("objects.s3.access_key_id");
    let secret = reader.secret("objects.s3.secret_access_key", "objects.s3.secret_access_key_file");
    let Some(name) = name else {
        if prefix.is_some() || region.is_some() || endpoint.is_some() || id.is_some() || secret.is_some() {
            reader.problem("objects.s3.bucket", "is missing, but something else of the bucket is set".to_owned());
        }
        return None;
    };
    if region.is_none() {
        reader.problem("objects.s3.region", "is missing: say in which region the bucket is".to_owned());
    }
    if id.is_some() != secret.is_some() {
        let what = "an access key is its id and its secret; set both, or neither for the default chain of AWS";
        reader.problem("objects.s3.access_key_id", what.to_owned());
    }
    Some(Bucket {
        name: name.0,
        prefix: prefix.map_or_else(String::new, |prefix| prefix.0),
        region: region.map_or_else(String::new, |region| region.0),
        endpoint,
        access_key: id.zip(secret),
    })
}

fn http(reader: &mut Reader) -> Http {
    let rate = |requests, per| Rate { requests, per };
    Http {
        listen: reader.get("http.listen", SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080)),
        public_url: reader.optional("http.public_url"),
        trusted_proxy: reader.get("http.trusted_proxy", false),
        body_limit: reader.within("http.body_limit", Bytes(1 << 20), Bytes(64 << 10)..=Bytes(64 << 20)),
        request_timeout: reader.within("http.request_timeout", 30 * SECOND, 25 * SECOND..=10 * MINUTE),
        drain: reader.within("http.drain", 20 * SECOND, SECOND..=10 * MINUTE),
        rates: Rates {
            address: reader.get("http.rate_per_address", rate(1_200, MINUTE)),
            attempts: reader.get("http.rate_of_attempts", rate(30, MINUTE)),
            account: reader.get("http.rate_per_account", rate(50, 60 * MINUTE)),
            credential: reader.get("http.rate_per_credential", rate(600, MINUTE)),
            workspace: reader.get("http.rate_per_workspace", rate(1_800, MINUTE)),
        },
    }
}

fn accounts(reader: &mut Reader) -> Accounts {
    Accounts {
        sign_up: reader.get("accounts.sign_up", SignUp::FirstUserOnly),
        session_lifetime: reader.within("accounts.session_lifetime", 14 * DAY, 5 * MINUTE..=90 * DAY),
        invitation_lifetime: reader.within("accounts.invitation_lifetime", 7 * DAY, 5 * MINUTE..=90 * DAY),
        reset_lifetime: reader.within("accounts.reset_lifetime", DAY, 5 * MINUTE..=7 * DAY),
        password_slots: reader.within("accounts.password_slots", 2, 1..=64),
    }
}

fn master_keys(reader: &mut Reader) -> Option<store::MasterKeys> {
    let text = reader.secret("master_keys.value", "master_keys.file")?;
    match store::MasterKeys::parse(text.expose()) {
        Ok(keys) => Some(keys),
        Err(error) => {
            reader.problem("master_keys", format!("{error}; `rowcast keys new` prints one"));
            None
        }
    }
}

fn worker(reader: &mut Reader) -> Worker {
    Worker {
        concurrency: reader.within("worker.concurrency", 4, 1..=256),
        jobs: reader.within("worker.jobs", 4, 1..=256),
        jobs_per_workspace: reader.within("worker.jobs_per_workspace", 2, 1..=256),
        query_time: reader.within("worker.query_time", 15 * SECOND, SECOND..=MINUTE),
        lease: reader.within("worker.lease", 30 * SECOND, SECOND..=10 * MINUTE),
        plan_memory: reader.within("worker.plan_memory", Bytes(64 << 20), Bytes(8 << 20)..=Bytes(64 << 30)),
        window_records: reader.within("worker.window_records", 50_000, 1..=1_000_000),
        window_time: reader.within("worker.window_time", 2 * SECOND, Duration::from_millis(100)..=MINUTE),
        settling: reader.within("worker.settling", MINUTE, Duration::ZERO..=DAY),
        max_died_attempts: reader.within("worker.max_died_attempts", 5, 1..=100),
        drain: reader.within("worker.drain", 20 * SECOND, SECOND..=10 * MINUTE),
    }
}

fn quotas(reader: &mut Reader) -> Quotas {
    Quotas {
        running_runs: reader.within("quotas.running_runs", 2, 1..=1_000),
        rows_per_run: reader.get("quotas.rows_per_run", Cap(Some(100_000_000))),
        spilled_bytes_per_run: reader.get("quotas.spilled_bytes_per_run", Cap(Some(Bytes(64 << 30)))),
        run_time: reader.get("quotas.run_time", Cap(Some(6 * HOUR))),
        previews: reader.within("quotas.previews", 2, 1..=1_000),
        stored_bytes: reader.get("quotas.stored_bytes", Cap(Some(Bytes(100 << 30)))),
        syncs: reader.get("quotas.syncs", Cap(Some(1_000))),
        members: reader.get("quotas.members", Cap(Some(1_000))),
    }
}

fn aws(reader: &mut Reader) -> Aws {
    Aws {
        identity: reader.get("aws.identity", Identity::Nobody),
        access_key_id: reader.optional("aws.access_key_id"),
        secret_access_key: reader.secret("aws.secret_access_key", "aws.secret_access_key_file"),
        session_token: reader.secret("aws.session_token", "aws.session_token_file"),
        principal_arn: reader.optional("aws.principal_arn"),
        service_identity: reader.list("aws.service_identity"),
        sts_endpoint: reader.optional("aws.sts_endpoint"),
        allow_endpoint_override: reader.get("aws.allow_endpoint_override", false),
    }
}

fn prices(reader: &mut Reader) -> api::Prices {
    let known = api::Prices::default();
    api::Prices {
        as_of: reader.get("prices.as_of", known.as_of),
        source: reader.get("prices.source", known.source),
        million_payload_units: reader.get("prices.million_payload_units", Price(known.million_payload_units)).0,
        on_demand_gib: reader.get("prices.on_demand_gib", Price(known.on_demand_gib)).0,
        advantage_gib: reader.get("prices.advantage_gib", Price(known.advantage_gib)).0,
    }
}

fn retention(reader: &mut Reader) -> Retention {
    Retention {
        runs: reader.within("retention.runs", 90 * DAY, DAY..=3_650 * DAY),
        audit: reader.within("retention.audit", 365 * DAY, DAY..=3_650 * DAY),
        // As long as an answer may be asked for again.
        jobs: reader.within("retention.jobs", DAY, DAY..=30 * DAY),
        backup: reader.within("backup.retention", 7 * DAY, Duration::ZERO..=3_650 * DAY),
    }
}

fn log(reader: &mut Reader) -> Log {
    let log =
        Log { format: reader.get("log.format", LogFormat::Text), level: reader.get("log.level", "info".to_owned()) };
    if let Err(error) = crate::logs::filter(&log.level) {
        reader.problem(
            "log.level",
            format!("expected error, warn, info, debug or trace, or a filter of tracing: {error}"),
        );
    }
    log
}

fn check_together(reader: &mut Reader, config: &Config) {
    let Config { accounts, aws, database, http, worker, .. } = config;
    if accounts.sign_up == SignUp::Open && !aws.service_identity.is_empty() {
        let what = "nobody may use the service's own identity while accounts.sign_up is open; choose another sign-up, \
                    or empty this list";
        reader.problem("aws.service_identity", what.to_owned());
    }
    if aws.identity == Identity::AccessKey && (aws.access_key_id.is_none() || aws.secret_access_key.is_none()) {
        let what = "access-key needs aws.access_key_id and aws.secret_access_key (or aws.secret_access_key_file)";
        reader.problem("aws.identity", what.to_owned());
    }
    if aws.identity != Identity::AccessKey && (aws.access_key_id.is_some() || aws.secret_access_key.is_some()) {
        reader.problem("aws.identity", "there is an access key; say access-key here, or remove it".to_owned());
    }
    if aws.identity != Identity::DefaultChain && !aws.service_identity.is_empty() {
        let what =
            "a destination uses what the default chain finds: set aws.identity to default-chain, or empty this list";
        reader.problem("aws.service_identity", what.to_owned());
    }
    if database.url.is_none() && (database.worker_url.is_some() || database.migrate_url.is_some()) {
        reader.problem("database.url", "is missing, but another address of the database is set".to_owned());
    }
    if database.worker_connections < worker.concurrency + 2 {
        let what = format!("{} runs at once need at least {} connections", worker.concurrency, worker.concurrency + 2);
        reader.problem("database.worker_connections", what);
    }
    if config.objects_folder.is_some() && config.bucket.is_some() {
        reader.problem("objects.folder", "objects.s3.bucket is set too; set one of them".to_owned());
    }
    if config.scratch.bytes < worker.plan_memory {
        reader.problem("scratch.bytes", "is less than worker.plan_memory".to_owned());
    }
    if config.metrics_listen == Some(http.listen) && http.listen.port() != 0 {
        reader.problem("metrics.listen", "is the address of http.listen; choose another port".to_owned());
    }
}

/// What is allowed, and the operator may not want.
pub(super) fn warnings(config: &Config) -> Vec<String> {
    let Config { bucket, quotas, worker, .. } = config;
    let mut out = Vec::new();
    if let Some(endpoint) = bucket.as_ref().and_then(|bucket| bucket.endpoint.as_ref())
        && endpoint.0.starts_with("http://")
    {
        out.push(
            "objects.s3.endpoint is not https: snapshots and logs go over the network for everybody to read".to_owned(),
        );
    }
    if quotas.running_runs >= worker.concurrency {
        out.push(format!(
            "quotas.running_runs is {}, and one worker has {} places (worker.concurrency): where a single worker runs, one \
             workspace keeps the others waiting with few or no places; raise worker.concurrency, or lower the quota",
            quotas.running_runs, worker.concurrency
        ));
    }
    if worker.jobs_per_workspace >= worker.jobs {
        out.push(format!(
            "worker.jobs_per_workspace is {}, and one worker has {} places for jobs (worker.jobs): one workspace can take all \
             of them; raise worker.jobs, or lower the other",
            worker.jobs_per_workspace, worker.jobs
        ));
    }
    out
}
