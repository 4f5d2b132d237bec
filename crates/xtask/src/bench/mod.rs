//! How many requests the API answers, with 1,000 workspaces and 1,000,000 runs in its database.
//!
//! Figures of different machines cannot be compared, so each is shown beside two of the same minutes: the statement of the
//! listing by plain SQL, and a request that does next to nothing. Client, service and database share this machine.

pub(crate) mod aggregate;
pub(crate) mod debuglog;
mod figure;
pub(crate) mod first_run;
mod http;
mod load;
mod options;
mod place;
pub(crate) mod plan;
mod rig;
pub(crate) mod shards;
mod shop;
pub(crate) mod template;
pub(crate) mod workers;

use std::time::Duration;

use crate::shell::{Shell, say};
use crate::{Failure, setup};

use load::{Load, Measured};
use place::{Place, SYNCS, WORKSPACES};

const CONCURRENCIES: [usize; 3] = [1, 8, 32];
const DEFAULT_SECONDS: u64 = 5;
/// As many runs as a page has unless the client says otherwise.
const PAGE: u64 = 50;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Options {
    /// The program as it is built for tests: quick to have, slow to run.
    dev: bool,
    /// For each figure.
    time: Duration,
}

pub(crate) fn run(shell: &Shell, arguments: &[String]) -> Result<(), Failure> {
    let options = options(arguments)?;
    let postgres = setup::run(shell)?;
    let program = place::build(shell, options.dev)?;
    let runtime = tokio::runtime::Runtime::new().map_err(|source| Failure::bench("start a runtime", source))?;
    let place = Place::open(shell, &runtime, &program)?;
    say(&format!("    PostgreSQL {}, {} workspaces, 1,000,000 runs", postgres.version, WORKSPACES));
    let measured = runtime.block_on(measure(&place, options.time))?;
    say(&table(&measured, options.dev));
    Ok(())
}

fn options(arguments: &[String]) -> Result<Options, Failure> {
    let mut options = Options { dev: false, time: Duration::from_secs(DEFAULT_SECONDS) };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match (argument.as_str(), rest.as_slice().first().and_then(|text| text.parse().ok())) {
            ("--dev", _) => options.dev = true,
            ("--seconds", Some(seconds @ 1..)) => {
                options.time = Duration::from_secs(seconds);
                rest.next();
            }
            _ => return Err(Failure::Usage { given: format!("bench api {}", arguments.join(" ")) }),
        }
    }
    Ok(options)
}

async fn measure(place: &Place, time: Duration) -> Result<Vec<Measured>, Failure> {
    let mut measured = Vec::new();
    let listing = place.listing_statement()?;
    measured.push(load::sql(place, &listing, PAGE, time).await?);
    for concurrency in CONCURRENCIES {
        let load = Load { address: place.address(), concurrency, time };
        measured.push(load.drive("GET /healthz", |_| http::get("/healthz", None)).await?);
        let list = |random: u64| {
            let workspace = random % WORKSPACES;
            http::get(&format!("/v1/workspaces/{}/runs?limit={PAGE}", place::id("ws", 1, workspace)), Some(workspace))
        };
        measured.push(load.drive("list runs", list).await?);
        let trigger = |random: u64| {
            let sync = random % SYNCS;
            let workspace = sync / (SYNCS / WORKSPACES);
            let (workspace_id, sync_id) = (place::id("ws", 1, workspace), place::id("syn", 6, sync));
            let path = format!("/v1/workspaces/{workspace_id}/syncs/{sync_id}/runs");
            http::post(&path, workspace, r#"{"kind": "normal"}"#)
        };
        measured.push(load.drive("trigger a run", trigger).await?);
    }
    Ok(measured)
}

/// Beside each figure of the API, how it stands to the same number of clients that ask for nothing, and to plain SQL.
fn table(measured: &[Measured], dev: bool) -> String {
    let mut text = String::from("\n==> requests of the API\n");
    if dev {
        text.push_str("    (a development build, not optimized: not the figures of the product)\n");
    }
    text.push_str("    clients  request           per second    p50 ms    p99 ms   to /healthz   to plain SQL\n");
    let sql = measured.iter().find(|one| one.is_sql()).map_or(f64::NAN, Measured::per_second);
    for one in measured {
        let idle = measured.iter().find(|other| other.what == "GET /healthz" && other.clients == one.clients);
        let to_idle = idle.map_or(f64::NAN, |idle| one.per_second() / idle.per_second());
        text.push_str(&format!(
            "    {:>7}  {:<16} {:>11.0} {:>9.2} {:>9.2} {:>13.2} {:>14.2}\n",
            one.clients,
            one.what,
            one.per_second(),
            one.percentile(50),
            one.percentile(99),
            to_idle,
            one.per_second() / sql
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_others_refused() {
        let read = |text: &str| options(&text.split_whitespace().map(ToOwned::to_owned).collect::<Vec<_>>());
        let five = Duration::from_secs(5);
        assert_eq!(read("").unwrap(), Options { dev: false, time: five });
        assert_eq!(read("--seconds 2 --dev").unwrap(), Options { dev: true, time: Duration::from_secs(2) });
        for wrong in ["--seconds", "--seconds x", "--seconds 0", "--quick"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
