//! Where state is kept: the home folder, the database, and a worker on both.

use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::egress::EgressPolicy;
use embedded::Cluster;
use runner::{DefaultChain, Secrets, Settings, Worker};
use store::{Access, Store};

use crate::Result;
use crate::cli::PlaceArguments;

/// One workspace is enough for the command line.
const WORKSPACE: &str = "default";
const DATABASE: &str = "rowcast";
const CONNECTIONS: u32 = 8;

pub(crate) struct Place {
    pub(crate) worker: Worker,
    store: Store,
    cluster: Option<Cluster>,
}

impl Place {
    pub(crate) async fn open(arguments: &PlaceArguments, secrets: Secrets) -> Result<Self> {
        let home = match &arguments.home {
            Some(home) => home.clone(),
            None => default_home()?,
        };
        let unusable =
            |error| format!("the home folder {} cannot be used: {error}; choose another --home", home.display());
        private_folder(&home).and_then(|()| Ok(home.canonicalize()?)).map_err(|error| unusable(error.to_string()))?;
        let home = home.canonicalize()?;
        let (url, cluster) = match &arguments.database_url {
            Some(url) => (url.clone(), None),
            None => {
                let cluster = start_cluster(&home).await?;
                (cluster.url(DATABASE), Some(cluster))
            }
        };
        let (worker, store) = worker(&url, settings(&home, arguments, secrets)).await?;
        Ok(Self { worker, store, cluster })
    }

    /// Connections first, so that the server has nobody to turn out.
    pub(crate) async fn close(self) {
        self.store.close().await;
        drop(self.cluster);
    }
}

/// The private PostgreSQL in the home folder, with Rowcast's own database.
pub(crate) async fn start_cluster(home: &Path) -> Result<Cluster> {
    #[expect(clippy::disallowed_methods, reason = "this is the edge")]
    let settings = embedded::Settings {
        pg_bin: std::env::var_os("PG_BIN").map(PathBuf::from),
        path: std::env::var_os("PATH"),
        npm_roots: npm_roots(),
        ..embedded::Settings::new(home.join("postgres"))
    };
    let cluster = tokio::task::spawn_blocking(move || embedded::start(&settings)).await??;
    for notice in cluster.notices() {
        eprintln!("{notice}");
    }
    cluster.ensure_database(DATABASE).await?;
    Ok(cluster)
}

/// Whether a failure to open a place means that another process has it.
pub(crate) fn in_use(error: &(dyn std::error::Error + 'static)) -> bool {
    matches!(error.downcast_ref::<embedded::Error>(), Some(embedded::Error::InUse { .. }))
}

/// Where the set-up command puts a PostgreSQL from npm.
fn npm_roots() -> Vec<PathBuf> {
    let here = std::env::current_dir().ok();
    here.into_iter().flat_map(|here| [here.join(".rowcast/postgres"), here]).collect()
}

pub(crate) async fn worker(url: &str, settings: Settings) -> Result<(Worker, Store)> {
    store::migrate(url).await?;
    let store = Store::connect(url, Access::Single, CONNECTIONS).await?;
    let mut hash_key = [0; 32];
    // Two random UUIDs: 244 random bits, from the system's generator.
    hash_key[..16].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    hash_key[16..].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    let workspace = store.ensure_workspace(WORKSPACE, hash_key).await?;
    let scope = store.scope(workspace.id);
    Ok((Worker { settings, workspace, scope }, store))
}

pub(crate) fn settings(home: &Path, arguments: &PlaceArguments, secrets: Secrets) -> Settings {
    let mut settings = Settings::new(home, format!("rowcast-{}", std::process::id()), secrets);
    if arguments.allow_default_chain {
        settings.default_chain = DefaultChain::Everyone;
    }
    // Whoever runs this runs it for themselves.
    settings.endpoint_override = true;
    settings.egress = EgressPolicy::open();
    settings.settling = Duration::from_secs_f64(arguments.settling);
    settings.lease = Duration::from_secs_f64(arguments.lease);
    settings.call_timeout = call_timeout(settings.lease);
    settings.window.records = arguments.window as usize;
    settings.plan_memory = (arguments.plan_memory as usize) << 20;
    settings
}

/// A put that begins while the lease is trusted must have ended before the lease does.
pub(crate) fn call_timeout(lease: Duration) -> Duration {
    lease.mul_f64(0.25).min(Duration::from_secs(5))
}

pub(crate) fn default_home() -> Result<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "this is the edge")]
    let (data, home) = (std::env::var_os("XDG_DATA_HOME"), std::env::var_os("HOME"));
    let data = data.map(PathBuf::from).filter(|path| path.is_absolute());
    data.or_else(|| home.map(|home| PathBuf::from(home).join(".local/share")))
        .map(|data| data.join("rowcast"))
        .ok_or_else(|| "there is no home folder: set HOME, or give --home".into())
}

/// Made for this user alone. As root, its PostgreSQL runs as another user and has to pass through.
pub(crate) fn private_folder(path: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o711).create(path)?;
    Ok(())
}
