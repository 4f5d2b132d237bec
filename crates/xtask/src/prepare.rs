use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use embedded::{Cluster, Settings};

use crate::shell::{Shell, say};
use crate::{Failure, setup};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Write,
    Check,
}

/// A database with our migrations, in a cluster that is removed with the value.
pub(crate) struct Migrated {
    cluster: Option<Cluster>,
    home: PathBuf,
}

const DATABASE: &str = "rowcast";

/// Brings `.sqlx/` in line with the migrations and the statements of `store`.
///
/// The macros of sqlx write these files themselves when SQLX_OFFLINE_DIR is set beside DATABASE_URL, so no further tool
/// is needed. They write into a scratch folder first: a build that fails changes nothing, and no old file remains.
pub(crate) fn run(shell: &Shell, mode: Mode) -> Result<(), Failure> {
    setup::run(shell)?;
    let database = Migrated::start(shell, "prepare")?;
    let scratch = shell.root().join("target/xtask/sqlx");
    if scratch.exists() {
        fs::remove_dir_all(&scratch).map_err(file("remove", &scratch))?;
    }
    fs::create_dir_all(&scratch).map_err(file("create", &scratch))?;
    expand_anew(&shell.root().join("crates/store/src/lib.rs"))?;
    let mut command = shell.cargo(&["check", "--package", "store", "--all-targets"]);
    command.env("DATABASE_URL", database.url()).env("SQLX_OFFLINE", "false").env("SQLX_OFFLINE_DIR", &scratch);
    shell.step("ask PostgreSQL about every statement", command)?;

    let kept = shell.root().join(".sqlx");
    let (old, new) = (queries(&kept)?, queries(&scratch)?);
    let differing = old.keys().chain(new.keys()).filter(|name| old.get(*name) != new.get(*name));
    let mut differing: Vec<&String> = differing.collect();
    differing.sort();
    differing.dedup();
    match mode {
        Mode::Check if !differing.is_empty() => {
            let files = differing.into_iter().cloned().collect::<Vec<_>>().join(", ");
            return Err(Failure::Outdated { files });
        }
        Mode::Check => {}
        Mode::Write => {
            fs::create_dir_all(&kept).map_err(file("create", &kept))?;
            for name in &differing {
                let path = kept.join(name);
                match new.get(*name) {
                    Some(text) => fs::write(&path, text).map_err(file("write", &path))?,
                    None => fs::remove_file(&path).map_err(file("remove", &path))?,
                }
            }
        }
    }
    say(&format!(".sqlx/ knows {} statements; {} files changed", new.len(), differing.len()));
    Ok(())
}

impl Migrated {
    pub(crate) fn start(shell: &Shell, name: &str) -> Result<Self, Failure> {
        let home = shell.root().join("target/xtask").join(format!("postgres-{name}-{}", std::process::id()));
        let settings = Settings { durable: false, ..setup::settings(shell, home) };
        say("\n==> start a PostgreSQL of our own and apply migrations/");
        let cluster = embedded::start(&settings)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|source| Failure::Run { command: "the database client".to_owned(), source })?;
        // From here on the cluster is removed whatever happens.
        let database = Self { home: cluster.home().to_owned(), cluster: Some(cluster) };
        if let Some(cluster) = &database.cluster {
            runtime.block_on(migrate(cluster, &shell.root().join("migrations")))?;
        }
        Ok(database)
    }

    pub(crate) fn url(&self) -> String {
        self.cluster.as_ref().map(|cluster| cluster.url(DATABASE)).unwrap_or_default()
    }
}

impl Drop for Migrated {
    fn drop(&mut self) {
        drop(self.cluster.take());
        if let Err(error) = embedded::remove(&self.home) {
            say(&format!("could not remove a scratch folder: {error}"));
        }
    }
}

async fn migrate(cluster: &Cluster, folder: &Path) -> Result<(), Failure> {
    cluster.create_database(DATABASE).await?;
    let mut migrations: Vec<PathBuf> = list(folder)?.into_iter().filter(|path| has_ending(path, "sql")).collect();
    migrations.sort();
    for path in migrations {
        let text = fs::read_to_string(&path).map_err(file("read", &path))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        cluster.run_script(DATABASE, &text, &name).await?;
    }
    Ok(())
}

/// Cargo does not know that the macros ask a database, so it is told that the source has changed.
fn expand_anew(source: &Path) -> Result<(), Failure> {
    #[expect(clippy::disallowed_methods, reason = "the time of a file, for Cargo")]
    let now = SystemTime::now();
    fs::File::options().append(true).open(source).and_then(|file| file.set_modified(now)).map_err(file("touch", source))
}

/// File name to content, of all `query-*.json`.
fn queries(folder: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let mut queries = BTreeMap::new();
    for path in list(folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("query-") && has_ending(&path, "json") {
            queries.insert(name, fs::read_to_string(&path).map_err(file("read", &path))?);
        }
    }
    Ok(queries)
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let entries = folder.read_dir().map_err(file("list", folder))?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(file("list", folder))).collect()
}

fn has_ending(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|extension| extension == ending)
}

fn file<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(std::io::Error) -> Failure + 'a {
    move |source| Failure::File { action, path: path.to_owned(), source }
}
