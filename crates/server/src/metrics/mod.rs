//! Metrics for Prometheus. Whoever has something to count uses the macros of the crate `metrics`; here it is gathered.

mod http;
mod names;

use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

pub(crate) use http::count;

/// From a look-up in memory to a run of hours.
const SECONDS: [f64; 16] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 300.0, 1_800.0, 7_200.0];

#[derive(Debug, thiserror::Error)]
#[error("metrics cannot be gathered")]
pub(crate) enum Error {
    Build(#[from] BuildError),
    Taken(#[from] metrics::SetRecorderError<PrometheusRecorder>),
}

/// What this process has counted. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Metrics {
    handle: PrometheusHandle,
}

impl Metrics {
    /// Gathers from here on; once in a process, on its runtime.
    pub(crate) fn start() -> Result<Self, Error> {
        let recorder = recorder()?;
        let metrics = Self { handle: recorder.handle() };
        metrics::set_global_recorder(recorder)?;
        describe();
        let handle = metrics.handle.clone();
        // Histograms grow until they are drained, whether anyone asks for them or not.
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(Duration::from_secs(5));
            loop {
                ticks.tick().await;
                handle.run_upkeep();
            }
        });
        Ok(metrics)
    }

    /// In the text format of Prometheus.
    pub(crate) fn render(&self) -> String {
        self.handle.render()
    }
}

fn recorder() -> Result<PrometheusRecorder, BuildError> {
    let builder = PrometheusBuilder::new();
    Ok(builder.set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?.build_recorder())
}

fn describe() {
    names::describe();
    metrics::gauge!(names::BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use axum::body::Body;
    use axum::http::Request;
    use axum::routing::get;
    use axum::{Router, middleware};
    use tower::ServiceExt;

    use super::*;

    /// What the text says, by name and labels. Panics where it is not Prometheus' text format.
    fn parsed(text: &str) -> BTreeMap<String, f64> {
        let mut types = BTreeMap::new();
        let mut samples = BTreeMap::new();
        let is_name = |name: &str| {
            !name.starts_with(|c: char| c.is_ascii_digit())
                && !name.is_empty()
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
        };
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert!(types.insert(name.to_owned(), kind.to_owned()).is_none(), "twice: {line}");
                continue;
            }
            if let Some(rest) = line.strip_prefix("# HELP ") {
                assert!(is_name(rest.split_once(' ').unwrap().0), "{line}");
                continue;
            }
            let (series, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
            assert!(is_name(name) && labels.ends_with('}'), "{line}");
            let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
            assert!(types.contains_key(name) || types.contains_key(base), "no type: {line}");
            assert!(samples.insert(series.to_owned(), value.parse().unwrap()).is_none(), "twice: {line}");
        }
        samples
    }

    async fn ask(app: &Router, method: &str, path: &str) {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        app.clone().oneshot(request).await.unwrap();
    }

    #[tokio::test]
    async fn requests_are_counted_by_the_template_of_their_route() {
        let recorder = recorder().unwrap();
        let handle = recorder.handle();
        let _guard = metrics::set_default_local_recorder(&recorder);
        describe();
        let app = Router::new()
            .route("/v1/workspaces/{workspace_id}", get(|| async { "ok" }))
            .layer(middleware::from_fn(count));
        for path in ["/v1/workspaces/a", "/v1/workspaces/b", "/nowhere"] {
            ask(&app, "GET", path).await;
        }
        ask(&app, "BREW", "/v1/workspaces/a").await;
        metrics::counter!("rowcast_runs_total", "state" => "succeeded \"\n\\").increment(2);
        let samples = parsed(&handle.render());
        let requests = |method: &str, route: &str, status: &str| {
            samples.get(&format!(
                "rowcast_http_requests_total{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}}"
            ))
        };
        assert_eq!(requests("GET", "/v1/workspaces/{workspace_id}", "200"), Some(&2.0));
        assert_eq!(requests("GET", "other", "404"), Some(&1.0));
        assert_eq!(requests("OTHER", "/v1/workspaces/{workspace_id}", "405"), Some(&1.0));
        assert_eq!(samples.get("rowcast_http_requests_in_flight"), Some(&0.0));
        let duration = "rowcast_http_request_duration_seconds";
        let labels = "method=\"GET\",route=\"/v1/workspaces/{workspace_id}\"";
        assert_eq!(samples.get(&format!("{duration}_count{{{labels}}}")), Some(&2.0));
        assert_eq!(samples.get(&format!("{duration}_bucket{{{labels},le=\"+Inf\"}}")), Some(&2.0));
        assert!(samples.keys().any(|series| series.starts_with("rowcast_build_info{version=")));
    }
}
