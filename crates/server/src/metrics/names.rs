//! Every metric that Rowcast has, with its unit and meaning. `api` and `runner` write them by the macros of the crate
//! `metrics` under these names.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

pub(super) const HTTP_REQUESTS: &str = "rowcast_http_requests_total";
pub(super) const HTTP_DURATION: &str = "rowcast_http_request_duration_seconds";
pub(super) const HTTP_IN_FLIGHT: &str = "rowcast_http_requests_in_flight";
pub(super) const BUILD: &str = "rowcast_build_info";

enum Kind {
    Counter,
    Gauge,
    Histogram,
}

use Kind::{Counter, Gauge, Histogram};

#[rustfmt::skip]
const ALL: &[(&str, Kind, Unit, &str)] = &[
    (HTTP_REQUESTS, Counter, Unit::Count, "Requests that were answered, by method, route and status."),
    (HTTP_DURATION, Histogram, Unit::Seconds, "Time until the head of the answer, by method and route."),
    (HTTP_IN_FLIGHT, Gauge, Unit::Count, "Requests that have no answer yet."),
    (BUILD, Gauge, Unit::Count, "Always 1; the label names the version."),
    ("rowcast_runs_total", Counter, Unit::Count, "Runs that ended in this process, by state."),
    ("rowcast_rows_read_total", Counter, Unit::Count, "Rows that models returned to runs that ended."),
    ("rowcast_records_total", Counter, Unit::Count, "Records of ended runs, by outcome: delivered, rejected, unanswered, deferred, invalid."),
    ("rowcast_job_seconds", Histogram, Unit::Seconds, "Time that a preview, test, describe or verification took, by kind."),
    ("rowcast_due_runs", Gauge, Unit::Count, "Runs of all workspaces that are due and wait for a worker."),
    ("rowcast_lag_seconds", Gauge, Unit::Seconds, "How long the oldest of them has been due."),
    ("rowcast_queued_jobs", Gauge, Unit::Count, "Jobs of all workspaces that wait for a worker."),
    ("rowcast_throttled_records_total", Counter, Unit::Count, "Records that Kinesis refused for its limits, each time."),
    ("rowcast_leases_lost_total", Counter, Unit::Count, "Runs that this process stopped because it could not renew their leases."),
    ("rowcast_run_panics_total", Counter, Unit::Count, "Attempts of runs that ended in a panic."),
    ("rowcast_ticks_total", Counter, Unit::Count, "Ticks of schedules that made a run."),
    ("rowcast_ticks_skipped_total", Counter, Unit::Count, "Ticks of schedules that passed without one."),
];

pub(super) fn describe() {
    for (name, kind, unit, text) in ALL {
        match kind {
            Counter => describe_counter!(*name, *unit, *text),
            Gauge => describe_gauge!(*name, *unit, *text),
            Histogram => describe_histogram!(*name, *unit, *text),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    fn names(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                names(&path, found);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            for (at, _) in text.match_indices("\"rowcast_") {
                let name: String =
                    text[at + 1..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                let before = text[..at].trim_end();
                if ["counter!(", "gauge!(", "histogram!("].iter().any(|call| before.ends_with(call)) {
                    found.insert(name);
                }
            }
        }
    }

    #[test]
    fn every_metric_that_is_written_is_described_and_every_other_way_round() {
        let mut written: BTreeSet<String> =
            [HTTP_REQUESTS, HTTP_DURATION, HTTP_IN_FLIGHT, BUILD].map(str::to_owned).into();
        for folder in ["../runner/src", "../api/src", "src/service"] {
            names(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut written);
        }
        let described: BTreeSet<String> = ALL.iter().map(|(name, ..)| (*name).to_owned()).collect();
        assert_eq!(described, written);
        assert_eq!(described.len(), ALL.len(), "one is described twice");
    }
}
