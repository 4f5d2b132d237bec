//! A database per test, in one PostgreSQL per test process.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, Permissions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use embedded::{Cluster, Settings};

/// A new, empty database. It is dropped with the value, and whoever is still connected loses the connection.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    url: String,
}

impl TestDatabase {
    /// Its address, with the password of a superuser.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // What cannot be dropped goes with the whole cluster when the process ends.
        on_a_runtime_of_its_own(cluster().drop_database(&self.name)).unwrap_or_default();
    }
}

/// An empty database of its own for a test. Blocks for about 20 ms, and for a second when it is the process's first.
pub fn fresh() -> TestDatabase {
    let name = new_name();
    on_a_runtime_of_its_own(cluster().create_database(&name)).unwrap_or_else(|error| stop(&error));
    database(name)
}

/// A copy of a database that nobody is connected to: prepare one by migrations, then copy it for each test.
pub fn copy_of(original: &TestDatabase) -> TestDatabase {
    let name = new_name();
    on_a_runtime_of_its_own(cluster().copy_database(&name, original.name())).unwrap_or_else(|error| stop(&error));
    database(name)
}

/// The one PostgreSQL of this test process. It listens on 127.0.0.1 too, for tests of sources by host and port.
///
/// A static is never dropped: the server ends because its supervisor sees this process end, and its folder is removed
/// by the next test process.
pub fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let homes = homes();
        // Held until the new cluster has its own lock, so that no other test process removes it half made.
        let _one_at_a_time = File::create(homes.join("starting")).and_then(|file| file.lock().map(|()| file));
        remove_unused(&homes);
        let settings = Settings { durable: false, tcp: true, ..settings(homes.join(std::process::id().to_string())) };
        embedded::start(&settings).unwrap_or_else(|error| stop(&error))
    })
}

/// Settings for a durable cluster of a test's own, from where this machine has PostgreSQL. Its home should be a folder
/// that other users can enter: tests may run as root, whose PostgreSQL runs as someone else.
pub fn settings(home: impl Into<PathBuf>) -> Settings {
    Settings {
        pg_bin: variable("PG_BIN").map(PathBuf::from),
        path: variable("PATH"),
        npm_roots: vec![repository().join(".rowcast/postgres"), repository().to_owned()],
        ignore_system: variable("ROWCAST_IGNORE_SYSTEM_POSTGRES").is_some(),
        ..Settings::new(home)
    }
}

fn repository() -> &'static Path {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    folder.ancestors().nth(2).unwrap_or(folder)
}

fn database(name: String) -> TestDatabase {
    TestDatabase { url: cluster().url(&name), name }
}

fn new_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The folder of the clusters of all test processes of this user: outside the repository, which may lie where
/// PostgreSQL's own user cannot go.
fn homes() -> PathBuf {
    let own = fs::metadata("/proc/self").map(|meta| meta.uid()).unwrap_or_default();
    let folder = std::env::temp_dir().join(format!("rowcast-tests-{own}"));
    // An error means that another process was quicker, or shows when a cluster is put there.
    DirBuilder::new().mode(0o711).create(&folder).unwrap_or_default();
    fs::set_permissions(&folder, Permissions::from_mode(0o711)).unwrap_or_default();
    folder
}

/// Removes what ended test processes left. A folder in use refuses by its lock.
fn remove_unused(homes: &Path) {
    let Ok(entries) = homes.read_dir() else { return };
    for entry in entries.filter_map(Result::ok) {
        // In use, or being removed by another test process.
        embedded::remove(&entry.path()).unwrap_or_default();
    }
}

/// A test may hold a runtime or none: this works for both, because it has a thread of its own.
fn on_a_runtime_of_its_own<T: Send>(work: impl Future<Output = T> + Send) -> T {
    let run = || match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => stop(&error),
    };
    let done = std::thread::scope(|scope| scope.spawn(run).join());
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

#[expect(clippy::disallowed_methods, reason = "tests are told by the environment where PostgreSQL is")]
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

#[expect(clippy::panic, reason = "a test without its database cannot go on")]
fn stop(error: &dyn std::error::Error) -> ! {
    let causes: Vec<_> =
        std::iter::successors(error.source(), |error| error.source()).map(ToString::to_string).collect();
    panic!("no database for this test: {error} {}", causes.join(": "));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_test_has_a_database_of_its_own_that_goes_with_the_value() {
        let (one, other) = (fresh(), fresh());
        assert_ne!(one.name(), other.name());
        let dropped = one.url().to_owned();
        drop(one);
        let connects = |url: String| {
            on_a_runtime_of_its_own(async move { tokio_postgres::connect(&url, tokio_postgres::NoTls).await.is_ok() })
        };
        assert!(!connects(dropped));
        assert!(connects(other.url().to_owned()));
        assert!(connects(copy_of(&other).url().to_owned()));
    }

    #[tokio::test]
    async fn a_test_on_a_runtime_gets_a_database_too() {
        let database = fresh();
        let (_client, connection) = tokio_postgres::connect(database.url(), tokio_postgres::NoTls).await.unwrap();
        drop(connection);
    }
}
