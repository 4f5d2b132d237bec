//! What an operator does beside a running service. Each command works on the database alone and may run while it is served.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use store::{Access, MasterKeys, Rotated, Scope, Store};

use super::place::Place;
use super::{boot, storage, wire};
use crate::cli::ServiceArguments;
use crate::config::{self, Hidden};
use crate::{Exit, Result, keys};

const PAGE: u32 = 500;

/// Brings the database to this version's schema; any number of processes may do so at once.
pub(crate) async fn migrate(arguments: ServiceArguments) -> Result<Exit> {
    let place = Place::open_for_command(&arguments, arguments.load()?).await?;
    let migrated = store::migrate(place.urls.migrate.expose()).await;
    place.close().await;
    migrated?;
    println!("the database has the schema of this version");
    Ok(Exit::Done)
}

/// A line for the file or variable of master keys.
pub(crate) fn new_key() -> Result<Exit> {
    println!("{}", keys::new_line()?);
    Ok(Exit::Done)
}

/// New data keys for every workspace, or the present ones under the current master key.
pub(crate) async fn rotate_keys(arguments: ServiceArguments, rewrap_only: bool) -> Result<Exit> {
    let place = Place::open_for_command(&arguments, arguments.load()?).await?;
    let rotated = with_store(&place, async |store| rotate(&store, rewrap_only).await).await;
    place.close().await;
    let (workspaces, rotated) = rotated?;
    println!(
        "{workspaces} workspaces: {} data keys are wrapped by the current master key, {} secrets are sealed anew; older \
         master keys can go now",
        rotated.rewrapped, rotated.resealed
    );
    Ok(Exit::Done)
}

/// A link with which a person chooses a new password, once. Whoever has it becomes that person: it is printed and nowhere kept.
pub(crate) async fn reset(arguments: ServiceArguments, email: &str) -> Result<Exit> {
    let place = Place::open_for_command(&arguments, arguments.load()?).await?;
    let link = with_store(&place, async |store| reset_link(&place, &store, email).await).await;
    place.close().await;
    println!("{}", link?);
    Ok(Exit::Done)
}

/// After a backup of the database was restored.
pub(crate) async fn restore(arguments: ServiceArguments) -> Result<Exit> {
    let place = Place::open_for_command(&arguments, arguments.load()?).await?;
    let held = with_store(&place, async |store| {
        each_workspace(&store, async |scope: Scope| scope.hold_after_restore().await).await
    })
    .await;
    place.close().await;
    let held: u64 = held?.into_iter().sum();
    println!("{held} syncs are held until their owners choose a full resync or accept what the snapshot says");
    Ok(Exit::Done)
}

pub(crate) fn openapi() -> Result<Exit> {
    println!("{}", serde_json::to_string_pretty(&api::openapi())?);
    Ok(Exit::Done)
}

/// All that is wrong, or all that holds and where it comes from.
pub(crate) async fn check_config(arguments: &ServiceArguments) -> Result<Exit> {
    let loaded = arguments.load()?;
    print!("{}", config::show(&loaded.entries));
    for warning in loaded.config.warnings() {
        eprintln!("warning: {warning}");
    }
    if let Some(bucket) = &loaded.config.bucket {
        let (_, warning) = storage::open(bucket).await?;
        if let Some(warning) = warning {
            eprintln!("warning: {warning}");
        }
    }
    Ok(Exit::Done)
}

async fn rotate(store: &Store, rewrap_only: bool) -> Result<(usize, Rotated)> {
    let rotated =
        each_workspace(
            store,
            async |scope: Scope| {
                if rewrap_only { scope.rewrap_keys().await } else { scope.rotate_keys().await }
            },
        )
        .await?;
    let sum = rotated.iter().fold(Rotated::default(), |sum, one| Rotated {
        rewrapped: sum.rewrapped + one.rewrapped,
        resealed: sum.resealed + one.resealed,
    });
    Ok((rotated.len(), sum))
}

async fn reset_link(place: &Place, store: &Store, email: &str) -> Result<String> {
    let config = &place.loaded.config;
    let Some(person) = store.person_by_email(email).await? else {
        return Err(format!("nobody has signed up as {email}").into());
    };
    let mut random = [0; 32];
    getrandom::fill(&mut random)?;
    let token = BASE64_URL_SAFE_NO_PAD.encode(random);
    let hash = Sha256::digest(token.as_bytes()).into();
    store.create_reset(person.id, &hash, wire::millis(config.accounts.reset_lifetime)).await?;
    Ok(wire::reset_link(config, &token))
}

async fn with_store<T>(place: &Place, work: impl AsyncFnOnce(Store) -> Result<T>) -> Result<T> {
    let keys = place.loaded.config.master_keys.as_ref();
    let store = open(&place.urls.api, keys).await?;
    let done = work(store.clone()).await;
    store.close().await;
    done
}

async fn open(url: &Hidden, keys: Option<&MasterKeys>) -> Result<Store> {
    match keys {
        Some(keys) => boot::connect(url, Access::App, 2, keys).await,
        None => Ok(Store::connect(url.expose(), Access::App, 2).await?),
    }
}

/// One workspace after the other; what was done stays done when a later one fails, and the command may be repeated.
async fn each_workspace<T>(
    store: &Store,
    mut work: impl AsyncFnMut(Scope) -> Result<T, store::Error>,
) -> Result<Vec<T>> {
    let (mut last, mut done) = (None, Vec::new());
    loop {
        let page = store.workspaces_after(last, PAGE).await?;
        for workspace in &page {
            let one = work(store.scope(*workspace)).await;
            done.push(one.map_err(|error| format!("{workspace}: {}", runner::chain(&error)))?);
        }
        last = page.last().copied();
        if last.is_none() {
            return Ok(done);
        }
    }
}
