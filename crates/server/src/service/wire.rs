//! What the configuration means for the crates that do the work.

use std::net::SocketAddr;
use std::time::Duration;

use domain::egress::EgressPolicy;
use kinesis::{Base, Keys};
use runner::service::{Retention, ServiceSettings};
use runner::{DefaultChain, RunLimits, WindowLimits};
use store::Quotas;

use super::place::{Place, Urls};
use crate::config::{Aws, Bytes, Cap, Config, Identity, Rate, SignUp};
use crate::place::call_timeout;

pub(super) fn api_settings(config: &Config) -> api::Settings {
    let Config { http, accounts, aws, .. } = config;
    api::Settings {
        sign_up: match accounts.sign_up {
            SignUp::Open => api::SignUp::Open,
            SignUp::Invitation => api::SignUp::Invitation,
            SignUp::FirstUserOnly => api::SignUp::FirstUserOnly,
        },
        public_url: public_url(config),
        trusted_proxy: http.trusted_proxy,
        rates: api::Rates {
            address: rate(http.rates.address),
            attempts: rate(http.rates.attempts),
            account: rate(http.rates.account),
            credential: rate(http.rates.credential),
            workspace: rate(http.rates.workspace),
        },
        body_limit: saturating(http.body_limit.0),
        request_timeout: http.request_timeout,
        session_lifetime: accounts.session_lifetime,
        invitation_lifetime: accounts.invitation_lifetime,
        reset_lifetime: accounts.reset_lifetime,
        password_slots: accounts.password_slots as usize,
        aws_principal_arn: aws.principal_arn.as_ref().map(|arn| arn.0.clone()),
        endpoint_override: aws.allow_endpoint_override,
        default_chain: aws.service_identity.clone(),
        quotas: quotas(config),
        prices: config.prices.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..api::Settings::default()
    }
}

pub(super) fn run_settings(place: &Place, egress: EgressPolicy) -> runner::Settings {
    let Config { worker, scratch, aws, retention, .. } = &place.loaded.config;
    let name = format!("{}-{}", host_name(), std::process::id());
    let mut settings = runner::Settings::new(&place.objects, name, None);
    settings.objects.clone_from(&place.objects);
    settings.scratch.clone_from(&place.scratch);
    settings.scratch_bytes = scratch.bytes.0;
    settings.plan_memory = saturating(worker.plan_memory.0);
    settings.default_chain = DefaultChain::Only(aws.service_identity.clone());
    settings.endpoint_override = aws.allow_endpoint_override;
    settings.egress = egress;
    settings.identity = identity(aws);
    settings.sts_endpoint = aws.sts_endpoint.as_ref().map(|origin| origin.0.clone());
    settings.limits = RunLimits::default();
    settings.max_died_attempts = worker.max_died_attempts;
    settings.window =
        WindowLimits { records: worker.window_records as usize, time: worker.window_time, ..WindowLimits::default() };
    settings.settling = worker.settling;
    settings.lease = worker.lease;
    settings.call_timeout = call_timeout(worker.lease);
    settings.garbage_age = retention.garbage_age();
    settings
}

pub(super) fn service_settings(config: &Config) -> ServiceSettings {
    let Config { worker, retention, .. } = config;
    ServiceSettings {
        runs: worker.concurrency as usize,
        jobs: worker.jobs as usize,
        jobs_per_workspace: worker.jobs_per_workspace,
        query_time: worker.query_time,
        quotas: quotas(config),
        retention: Retention {
            runs: retention.runs,
            audit: retention.audit,
            jobs: retention.jobs,
            ..Retention::default()
        },
        ..ServiceSettings::default()
    }
}

/// Where browsers reach the service.
pub(super) fn public_url(config: &Config) -> String {
    let local = || format!("http://localhost:{}", config.http.listen.port());
    config.http.public_url.as_ref().map_or_else(local, |origin| origin.0.clone())
}

/// Where a person chooses a new password. What stands behind `#` is not sent to any server, so no log on the way has it.
pub(super) fn reset_link(config: &Config, token: &str) -> String {
    format!("{}/reset-password#{token}", public_url(config))
}

/// What the operator allows, without our own database wherever that is.
pub(super) async fn egress(config: &Config, urls: &Urls) -> EgressPolicy {
    let mut policy = config.egress.allow.iter().fold(EgressPolicy::default(), |policy, network| policy.allow(*network));
    if config.egress.unix_sockets {
        policy = policy.allow_unix_sockets();
    }
    for url in [&urls.api, &urls.worker, &urls.migrate] {
        for address in addresses(url.expose()).await {
            policy = policy.deny(address);
        }
    }
    policy
}

/// All that the hosts of a database's address resolve to; none for a socket.
async fn addresses(url: &str) -> Vec<SocketAddr> {
    let Ok(config) = url.parse::<tokio_postgres::Config>() else { return Vec::new() };
    let mut found = Vec::new();
    for (at, host) in config.get_hosts().iter().enumerate() {
        let tokio_postgres::config::Host::Tcp(name) = host else { continue };
        let ports = config.get_ports();
        let port = ports.get(at).or(ports.first()).copied().unwrap_or(5432);
        match tokio::net::lookup_host((name.as_str(), port)).await {
            Ok(addresses) => found.extend(addresses),
            Err(error) => tracing::warn!("the host of the database does not resolve now: {error}"),
        }
    }
    found
}

fn quotas(config: &Config) -> Quotas {
    let quotas = config.quotas;
    let bytes = |cap: Cap<Bytes>| cap.0.map(|bytes| bytes.0);
    Quotas {
        running_runs: Some(quotas.running_runs),
        rows_per_run: quotas.rows_per_run.0,
        spilled_bytes_per_run: bytes(quotas.spilled_bytes_per_run),
        run_seconds: quotas.run_time.0.map(|time| time.as_secs()),
        previews: Some(quotas.previews),
        stored_bytes: bytes(quotas.stored_bytes),
        syncs: quotas.syncs.0,
        members: quotas.members.0,
    }
}

/// The check of the configuration made sure that the parts of an access key are there.
fn identity(aws: &Aws) -> Option<Base> {
    match (aws.identity, &aws.access_key_id, &aws.secret_access_key) {
        (Identity::DefaultChain, ..) => Some(Base::DefaultChain),
        (Identity::AccessKey, Some(id), Some(secret)) => Some(Base::Keys(Keys {
            access_key_id: id.clone(),
            secret_access_key: secret.expose().to_owned(),
            session_token: aws.session_token.as_ref().map(|token| token.expose().to_owned()),
        })),
        (Identity::Nobody | Identity::AccessKey, ..) => None,
    }
}

fn rate(Rate { requests, per }: Rate) -> api::Rate {
    api::Rate { requests, seconds: u32::try_from(per.as_secs()).unwrap_or(u32::MAX) }
}

fn saturating(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// Tells workers apart for people; nothing depends on it.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name: String = name.trim().chars().filter(|c| !c.is_control()).take(60).collect();
    if name.is_empty() { "rowcast".to_owned() } else { name }
}

pub(super) fn millis(time: Duration) -> domain::Millis {
    domain::Millis::try_from(time.as_millis()).unwrap_or(domain::Millis::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::Hidden;

    #[tokio::test]
    async fn p5_our_own_database_is_refused_even_where_its_network_is_allowed() {
        let variables = BTreeMap::from([("ROWCAST_EGRESS__ALLOW".to_owned(), "127.0.0.0/8,10.0.0.0/8".to_owned())]);
        let config = crate::config::load(None, &variables).unwrap().config;
        let url = |text: &str| Hidden::new(text.to_owned());
        let urls = Urls {
            api: url("postgres://u:p@127.0.0.1:6001/db"),
            worker: url("postgres://u:p@10.0.0.7:6002/db"),
            migrate: url("postgres:///db?host=/run/postgresql"),
        };
        let policy = egress(&config, &urls).await;
        for denied in ["127.0.0.1:6001", "[::1]:6001", "10.0.0.7:6002", "10.0.0.7:5432"] {
            let fine = policy.check(denied.parse().unwrap()).is_ok();
            assert_eq!(fine, denied == "10.0.0.7:5432", "{denied}");
        }
        assert!(policy.check("127.0.0.1:6003".parse().unwrap()).is_ok());
        assert!(policy.check_unix_socket().is_err());
    }

    #[test]
    fn defaults_reach_the_api_and_the_worker() {
        let config = crate::config::load(None, &BTreeMap::new()).unwrap().config;
        let api = api_settings(&config);
        assert_eq!(api.public_url, "http://localhost:8080");
        assert_eq!(api.rates, api::Rates::default());
        assert_eq!(api.quotas.run_seconds, Some(6 * 3600));
        assert_eq!(service_settings(&config).quotas.rows_per_run, Some(100_000_000));
    }
}
