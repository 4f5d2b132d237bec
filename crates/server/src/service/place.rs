//! Where the service keeps its state: folders, the addresses of the database, the master keys. The single-machine form makes
//! what is missing.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use embedded::Cluster;
use objects::Objects;
use store::MasterKeys;

use super::{Parts, boot, storage};
use crate::cli::ServiceArguments;
use crate::config::{Hidden, Loaded};
use crate::place::{self as machine, default_home, private_folder, start_cluster};
use crate::{Result, keys};

const DATABASE: &str = "rowcast";
/// The address of the private database while a process has it started, for commands beside that process.
const ADDRESS_FILE: &str = "database.url";
const KEYS_FILE: &str = "master.keys";

pub(super) struct Place {
    pub(super) loaded: Loaded,
    pub(super) objects: PathBuf,
    pub(super) scratch: PathBuf,
    pub(super) urls: Urls,
    cluster: Option<(Cluster, PathBuf)>,
}

/// Addresses of the database, by who uses them.
#[derive(Debug, Clone)]
pub(super) struct Urls {
    pub(super) api: Hidden,
    pub(super) worker: Hidden,
    pub(super) migrate: Hidden,
}

impl Place {
    /// For a process that serves. Only `rowcast all` may do without a database of the configuration.
    pub(super) async fn open(arguments: &ServiceArguments, mut loaded: Loaded, parts: Parts) -> Result<Self> {
        let single = parts == Parts::Both && loaded.config.database.url.is_none();
        if single {
            let home = made_home(arguments)?;
            let cluster = start_cluster(&home).await?;
            let url = cluster.url(DATABASE);
            store::migrate(&url).await?;
            let address_file = home.join(ADDRESS_FILE);
            write_private(&address_file, &url)?;
            if loaded.config.master_keys.is_none() {
                loaded.config.master_keys = Some(keys_of_home(&home)?);
            }
            return Self::new(arguments, loaded, Urls::one(Hidden::new(url)), Some((cluster, address_file)));
        }
        let urls = Urls::configured(&loaded)?;
        Self::new(arguments, loaded, urls, None)
    }

    /// For a command of the operator: beside a running `rowcast all`, or on its database while it does not run.
    pub(super) async fn open_for_command(arguments: &ServiceArguments, mut loaded: Loaded) -> Result<Self> {
        if loaded.config.database.url.is_some() {
            let urls = Urls::configured(&loaded)?;
            return Self::new(arguments, loaded, urls, None);
        }
        let home = home(arguments)?;
        if !home.join("postgres").exists() {
            return Err(no_database());
        }
        let home = home.canonicalize()?;
        if loaded.config.master_keys.is_none() && home.join(KEYS_FILE).exists() {
            loaded.config.master_keys = Some(keys_of_home(&home)?);
        }
        let (url, cluster) = match start_cluster(&home).await {
            Ok(cluster) => (cluster.url(DATABASE), Some((cluster, home.join(ADDRESS_FILE)))),
            Err(error) if machine::in_use(error.as_ref()) => {
                let path = home.join(ADDRESS_FILE);
                let url = std::fs::read_to_string(&path).map_err(|_| error)?;
                (url, None)
            }
            Err(error) => return Err(error),
        };
        Self::new(arguments, loaded, Urls::one(Hidden::new(url)), cluster)
    }

    fn new(
        arguments: &ServiceArguments,
        loaded: Loaded,
        urls: Urls,
        cluster: Option<(Cluster, PathBuf)>,
    ) -> Result<Self> {
        let in_home = |folder: &Option<PathBuf>, name| match folder {
            Some(folder) => Ok(folder.clone()),
            None => home(arguments).map(|home| home.join(name)),
        };
        let objects = in_home(&loaded.config.objects_folder, "objects")?;
        let scratch = in_home(&loaded.config.scratch.folder, "scratch")?;
        Ok(Self { loaded, objects, scratch, urls, cluster })
    }

    /// The object storage, tried out: what it cannot do is told now.
    pub(super) async fn storage(&self) -> Result<Objects> {
        match &self.loaded.config.bucket {
            Some(bucket) => {
                let (objects, warning) = storage::open(bucket).await?;
                if let Some(warning) = warning {
                    tracing::warn!("{warning}");
                }
                Ok(objects)
            }
            None => {
                boot::writable("objects.folder", &self.objects)?;
                Ok(Objects::local(&self.objects)?)
            }
        }
    }

    /// Connections are closed by now, so that the private database has nobody to turn out.
    pub(super) async fn close(self) {
        if let Some((cluster, address_file)) = self.cluster {
            if let Err(error) = std::fs::remove_file(&address_file)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tracing::warn!("{} is left behind: {error}", address_file.display());
            }
            // Dropping blocks until it has stopped.
            drop(tokio::task::spawn_blocking(move || drop(cluster)).await);
        }
    }
}

impl Urls {
    fn one(url: Hidden) -> Self {
        Self { api: url.clone(), worker: url.clone(), migrate: url }
    }

    pub(super) fn configured(loaded: &Loaded) -> Result<Self> {
        let database = &loaded.config.database;
        let Some(api) = database.url.clone() else { return Err(no_database()) };
        let or_api = |url: &Option<Hidden>| url.clone().unwrap_or_else(|| api.clone());
        Ok(Self { worker: or_api(&database.worker_url), migrate: or_api(&database.migrate_url), api })
    }
}

fn no_database() -> crate::Error {
    "no database is configured: set ROWCAST_DATABASE__URL or database.url_file (`rowcast all` can do without: it starts \
     a private one in the home folder)"
        .into()
}

fn home(arguments: &ServiceArguments) -> Result<PathBuf> {
    arguments.home.clone().map_or_else(default_home, Ok)
}

fn made_home(arguments: &ServiceArguments) -> Result<PathBuf> {
    let home = home(arguments)?;
    let made = private_folder(&home).and_then(|()| Ok(home.canonicalize()?));
    made.map_err(|error| {
        format!("the home folder {} cannot be used: {error}; choose another --home", home.display()).into()
    })
}

/// Made on the first start. It lies beside the database here: a backup that is to be safe takes only one of the two.
fn keys_of_home(home: &Path) -> Result<MasterKeys> {
    let path = home.join(KEYS_FILE);
    if !path.exists() {
        write_private(&path, &format!("{}\n", keys::new_line()?))?;
        tracing::info!("made {}: without it no secret can be opened, so keep a copy in a safe place", path.display());
    }
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    MasterKeys::parse(&text).map_err(|error| format!("{}: {error}", path.display()).into())
}

/// For this user alone, and whole or not at all.
fn write_private(path: &Path, text: &str) -> Result<()> {
    let unfinished = path.with_extension("new");
    let written = || -> std::io::Result<()> {
        if unfinished.exists() {
            std::fs::remove_file(&unfinished)?;
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&unfinished, path)?;
        std::fs::File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    };
    written().map_err(|error| format!("{} cannot be written: {error}", path.display()).into())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn master_keys_are_made_once_and_for_this_user_alone() {
        let home = tempfile::tempdir().unwrap();
        let first = keys_of_home(home.path()).unwrap();
        let again = keys_of_home(home.path()).unwrap();
        assert_eq!(first.current_id(), again.current_id());
        let mode = home.path().join(KEYS_FILE).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::write(home.path().join(KEYS_FILE), "hush").unwrap();
        let error = keys_of_home(home.path()).unwrap_err().to_string();
        assert!(error.contains(KEYS_FILE) && !error.contains("hush"), "{error}");
    }
}
