//! What has to be right before this process serves: told at the start, not by the first request.

use std::path::Path;

use runner::service::Service;
use store::{Access, MasterKeys, Store};

use super::Parts;
use super::place::Place;
use super::wire;
use crate::Result;
use crate::config::Hidden;

pub(super) struct Booted {
    pub(super) api: Option<api::App>,
    pub(super) worker: Option<Service>,
}

pub(super) async fn boot(place: &Place, parts: Parts) -> Result<Booted> {
    let config = &place.loaded.config;
    let Some(keys) = config.master_keys.clone() else {
        return Err("no master keys are configured: set master_keys.file or ROWCAST_MASTER_KEYS__VALUE to what \
                    `rowcast keys new` prints"
            .into());
    };
    let objects = place.storage().await?;
    if parts.worker() {
        writable("scratch.folder", &place.scratch)?;
    }
    if config.database.migrate_on_start {
        store::migrate(place.urls.migrate.expose()).await?;
    }
    let api = match parts.api() {
        true => {
            let store = connect(&place.urls.api, Access::App, config.database.connections, &keys).await?;
            store.check_master_keys().await?;
            notice_login(&store, place).await?;
            // Exports read the full lists that workers write there.
            let objects = Some(objects.clone());
            Some(api::App::new(api::Settings { objects, ..wire::api_settings(config) }, store))
        }
        false => None,
    };
    let worker = match parts.worker() {
        true => {
            let store = connect(&place.urls.worker, Access::Worker, config.database.worker_connections, &keys).await?;
            store.check_master_keys().await?;
            notice_login(&store, place).await?;
            let egress = wire::egress(config, &place.urls).await;
            let mut settings = wire::run_settings(place, egress);
            settings.bucket = config.bucket.is_some().then_some(objects);
            Some(Service { settings, service: wire::service_settings(config), store })
        }
        false => None,
    };
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    if config.http.public_url.as_ref().is_some_and(|url| url.0.starts_with("http://")) {
        tracing::warn!("http.public_url is not https: browsers keep no session there, except on localhost");
    }
    Ok(Booted { api, worker })
}

/// Refuses a database that is not this version's, or does not keep workspaces apart.
pub(super) async fn connect(url: &Hidden, access: Access, connections: u32, keys: &MasterKeys) -> Result<Store> {
    let store = Store::connect(url.expose(), access, connections).await.map_err(explained)?;
    store.check_schema().await.map_err(explained)?;
    store.check_isolation().await.map_err(explained)?;
    Ok(store.with_keys(keys.clone()))
}

/// A login above policies serves, because each connection takes on its role first; but its operator hears of it. The private
/// database has no other login.
async fn notice_login(store: &Store, place: &Place) -> Result<()> {
    match store.check_login().await {
        Err(error @ store::Error::LoginAbovePolicies { .. }) if place.loaded.config.database.url.is_some() => {
            tracing::warn!("{error}");
            Ok(())
        }
        Ok(()) | Err(store::Error::LoginAbovePolicies { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// A database that was never migrated has neither our roles nor our functions, and says only that.
fn explained(error: store::Error) -> crate::Error {
    let text = runner::chain(&error);
    let is_new =
        text.contains("does not exist") && (text.contains("schema_version") || text.contains("role \"rowcast_"));
    if is_new { format!("{text}; if this database is new, run `rowcast migrate` first").into() } else { error.into() }
}

/// Makes the folder if it is missing, and writes into it once.
pub(super) fn writable(key: &str, folder: &Path) -> Result<()> {
    let probe = folder.join(format!(".rowcast-probe-{}", std::process::id()));
    let tried = std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&probe, b"probe"))
        .and_then(|()| std::fs::remove_file(&probe));
    tried.map_err(|error| format!("{key}: nothing can be written to {}: {error}", folder.display()).into())
}
