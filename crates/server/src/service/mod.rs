//! The service: `rowcast serve`, `rowcast worker` and `rowcast all`, and what an operator does beside them.

mod boot;
mod listen;
mod operate;
mod place;
mod stop;
mod storage;
mod wire;

use axum::{Router, middleware};
use runner::service::Service;
use tokio_util::task::TaskTracker;

use crate::cli::ServiceArguments;
use crate::config::Loaded;
use crate::health::Health;
use crate::metrics::{self, Metrics};
use crate::{Exit, Result, logs};

pub(crate) use operate::{check_config, migrate, new_key, openapi, reset, restore, rotate_keys};

use boot::Booted;
use listen::Listener;
use place::Place;
use stop::Stop;

/// What this process is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parts {
    Api,
    Worker,
    Both,
}

impl Parts {
    const fn api(self) -> bool {
        matches!(self, Self::Api | Self::Both)
    }

    const fn worker(self) -> bool {
        matches!(self, Self::Worker | Self::Both)
    }
}

/// Serves until it is told to stop, then drains.
pub(crate) async fn run(arguments: ServiceArguments, parts: Parts) -> Result<Exit> {
    let loaded = arguments.load()?;
    logs::start_for_service(&loaded.config.log)?;
    let stop = Stop::on_signals()?;
    let place = Place::open(&arguments, loaded, parts).await?;
    let served = serve(&place, parts, &stop).await;
    place.close().await;
    served.map(|()| Exit::Done)
}

async fn serve(place: &Place, parts: Parts, stop: &Stop) -> Result<()> {
    let Loaded { config, .. } = &place.loaded;
    let metrics = Metrics::start()?;
    let booted = boot::boot(place, parts).await?;
    let health = Health::new(booted.stores(), config.master_keys.is_some(), stop.drain.clone());
    // Everything is bound before anything is served: an address that is taken ends the start.
    let inner = match config.metrics_listen {
        Some(address) => Some((Listener::bind(address).await?, inner_routes(&health, &metrics))),
        None => None,
    };
    let outer = match &booted.api {
        Some(app) => Some((Listener::bind(config.http.listen).await?, outer_routes(&health, app.clone()))),
        None => None,
    };
    let (work, requests) = (TaskTracker::new(), TaskTracker::new());
    if let Some(worker) = booted.worker.clone() {
        work.spawn(worker.work(stop.drain.clone()));
        tracing::info!(runs = config.worker.concurrency, jobs = config.worker.jobs, "working");
    }
    if let Some((listener, routes)) = outer {
        tracing::info!(address = %listener.address(), public_url = wire::public_url(config), "serving");
        requests.spawn(listener.serve(routes, stop.drain.clone()));
    }
    if let Some((listener, routes)) = inner {
        tracing::info!(address = %listener.address(), "metrics and health");
        // Not drained: who watches wants to see how the drain goes.
        requests.spawn(listener.serve(routes, stop.end.clone()));
    }
    stop.drain.cancelled().await;
    if let Some(app) = &booted.api {
        app.end_streams();
    }
    drain(stop, config, &work, &requests).await;
    booted.close().await;
    Ok(())
}

async fn drain(stop: &Stop, config: &crate::config::Config, work: &TaskTracker, requests: &TaskTracker) {
    work.close();
    requests.close();
    tracing::info!("draining: no new work is taken up; once more to end at once");
    let worked = tokio::time::timeout(config.worker.drain, work.wait());
    if worked.await.is_err() {
        tracing::warn!(
            "runs did not hand over within {:?}; others take them over after their leases",
            config.worker.drain
        );
    }
    stop.end.cancel();
    if tokio::time::timeout(config.http.drain, requests.wait()).await.is_err() {
        tracing::warn!("requests did not end within {:?}; their connections are closed", config.http.drain);
    }
    tracing::info!("ended");
}

/// For the operator: reachable from inside alone.
fn inner_routes(health: &Health, metrics: &Metrics) -> Router {
    let metrics = metrics.clone();
    let text = "text/plain; version=0.0.4; charset=utf-8";
    let render = move || async move { ([(axum::http::header::CONTENT_TYPE, text)], metrics.render()) };
    health.router().route("/metrics", axum::routing::get(render))
}

/// For the world.
fn outer_routes(health: &Health, app: api::App) -> Router {
    api::router(app).layer(middleware::from_fn(metrics::count)).merge(health.router())
}

impl Booted {
    fn stores(&self) -> Vec<store::Store> {
        let api = self.api.iter().map(|app| app.store().clone());
        api.chain(self.worker.iter().map(|worker: &Service| worker.store.clone())).collect()
    }

    async fn close(&self) {
        for store in self.stores() {
            store.close().await;
        }
    }
}
