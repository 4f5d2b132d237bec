//! A private PostgreSQL: starting, stopping, being killed, and being refused.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use embedded::{Cluster, Error, Settings};
use sqlx::Connection;
use tempfile::TempDir;

/// A folder that another user can enter, as PostgreSQL's must when these tests run as root.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
    folder
}

/// Quick, and from where the machine that runs the tests has it.
fn settings(home: &Path) -> Settings {
    #[expect(clippy::disallowed_methods, reason = "a test is told by the environment where PostgreSQL is")]
    let (pg_bin, path) = (std::env::var_os("PG_BIN").map(PathBuf::from), std::env::var_os("PATH"));
    Settings { pg_bin, path, durable: false, ..Settings::new(home.join("postgres")) }
}

async fn ask(url: &str, question: &str) -> String {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.query_one(question, &[]).await.unwrap().get(0)
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "not within a minute: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Processes whose command line names this folder.
fn processes_of(home: &Path) -> Vec<u32> {
    let home = home.canonicalize().unwrap();
    let home = home.as_os_str().as_encoded_bytes();
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    processes
        .filter_map(|process| {
            let pid = process.file_name().to_str()?.parse().ok()?;
            let command = fs::read(process.path().join("cmdline")).ok()?;
            command.windows(home.len()).any(|part| part == home).then_some(pid)
        })
        .collect()
}

fn kill(signal: &str, pid: &str) {
    assert!(Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", signal, pid]).status().unwrap().success());
}

/// A process that starts a cluster in `home`, says so, and waits to be killed.
fn parent_in(home: &Path) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_parent_waits_to_be_killed", "--nocapture", "--ignored"])
        .env("EMBEDDED_TEST_HOME", home)
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let ready = home.join("ready");
    until("the other process has a cluster", || {
        assert!(child.try_wait().unwrap().is_none(), "the other process ended");
        ready.exists()
    });
    fs::remove_file(ready).unwrap();
    child
}

#[test]
#[ignore = "the other process of the tests below, which run it by name"]
fn a_parent_waits_to_be_killed() {
    #[expect(clippy::disallowed_methods, reason = "the parent says where")]
    let home = PathBuf::from(std::env::var_os("EMBEDDED_TEST_HOME").unwrap());
    // From a thread that ends: what happens to the thread that called is of no importance.
    let start = std::thread::spawn({
        let settings = Settings { durable: true, ..settings(&home) };
        move || embedded::start(&settings).unwrap()
    });
    let _cluster = start.join().unwrap();
    fs::write(home.join("ready"), "").unwrap();
    loop {
        std::thread::park();
    }
}

#[tokio::test]
async fn one_address_serves_sqlx_and_tokio_postgres() {
    let folder = folder();
    let cluster = embedded::start(&settings(folder.path())).unwrap();
    cluster.create_database("odd name/\"100%\"").await.unwrap();
    let url = cluster.url("odd name/\"100%\"");
    assert_eq!(ask(&url, "select current_database()::text").await, "odd name/\"100%\"");

    let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
    #[expect(clippy::disallowed_methods, reason = "there is no schema to check a statement against")]
    let name: String = sqlx::query_scalar("select current_database()::text").fetch_one(&mut connection).await.unwrap();
    assert_eq!(name, "odd name/\"100%\"");

    cluster.copy_database("copy", "template1").await.unwrap();
    cluster.drop_database("odd name/\"100%\"").await.unwrap();
    assert!(tokio_postgres::connect(&url, tokio_postgres::NoTls).await.is_err());
    let pinned = "select concat_ws(' ', current_setting('timezone'), current_setting('shared_buffers'),
        current_setting('max_connections'), current_setting('server_encoding'), current_setting('listen_addresses'))";
    assert_eq!(ask(&cluster.url("copy"), pinned).await, "UTC 64MB 200 UTF8 ");
}

#[tokio::test]
async fn data_stays_when_the_cluster_is_stopped_and_started() {
    let folder = folder();
    let settings = settings(folder.path());
    let cluster = embedded::start(&settings).unwrap();
    let password = cluster.password().to_owned();
    cluster.create_database("kept").await.unwrap();
    cluster.stop().unwrap();
    until("every process has ended", || processes_of(folder.path()).is_empty());

    let cluster = embedded::start(&settings).unwrap();
    assert_eq!(cluster.password(), password);
    assert_eq!(ask(&cluster.url("kept"), "select current_database()::text").await, "kept");
    drop(cluster);
    until("every process has ended", || processes_of(folder.path()).is_empty());
}

#[test]
fn a_second_start_in_the_same_home_is_refused_and_names_the_first() {
    let folder = folder();
    let settings = settings(folder.path());
    let _first = embedded::start(&settings).unwrap();
    let error = embedded::start(&settings).unwrap_err();
    assert!(matches!(error, Error::InUse { pid: Some(pid), .. } if pid == std::process::id()), "{error}");
    let error = embedded::remove(&settings.home).unwrap_err();
    assert!(matches!(error, Error::InUse { .. }), "{error}");
}

#[tokio::test]
async fn killing_the_parent_ends_the_server_and_the_next_start_recovers() {
    let folder = folder();
    let mut parent = parent_in(folder.path());
    assert!(processes_of(&folder.path().join("postgres")).len() >= 2, "the server and its supervisor run");
    parent.kill().unwrap();
    parent.wait().unwrap();
    // At once, while the server may still be shutting down.
    let cluster = embedded::start(&settings(folder.path())).unwrap();
    assert_eq!(ask(&cluster.url("postgres"), "select 'here'").await, "here");
    let home = cluster.home().to_owned();
    drop(cluster);

    let mut parent = parent_in(folder.path());
    parent.kill().unwrap();
    parent.wait().unwrap();
    until("every process has ended", || processes_of(&home).is_empty());
}

#[test]
fn killing_the_supervisor_too_leaves_nothing_that_blocks_the_next_start() {
    let folder = folder();
    let mut parent = parent_in(folder.path());
    let home = folder.path().join("postgres");
    let server = fs::read_to_string(home.join("data/postmaster.pid")).unwrap();
    let server: u32 = server.lines().next().unwrap().parse().unwrap();
    // A stopped server cannot react to the death of its supervisor, as if there were no parent-death signal.
    kill("STOP", &server.to_string());
    for pid in processes_of(&home).into_iter().filter(|pid| *pid != server) {
        kill("KILL", &pid.to_string());
    }
    parent.kill().unwrap();
    parent.wait().unwrap();
    kill("CONT", &server.to_string());
    let cluster = embedded::start(&settings(folder.path())).unwrap();
    assert_ne!(cluster.pid(), server.to_string());
}

#[tokio::test]
async fn a_killed_server_recovers_what_was_committed() {
    let folder = folder();
    let settings = Settings { durable: true, ..settings(folder.path()) };
    let cluster = embedded::start(&settings).unwrap();
    assert_eq!(ask(&cluster.url("postgres"), "select current_setting('fsync')").await, "on");
    cluster.create_database("kept").await.unwrap();
    kill("KILL", cluster.pid());
    cluster.stop().unwrap();
    assert!(settings.home.join("data/postmaster.pid").exists());
    let cluster = embedded::start(&settings).unwrap();
    assert_eq!(ask(&cluster.url("kept"), "select current_database()::text").await, "kept");
}

#[test]
fn the_number_of_a_dead_server_may_belong_to_another_process() {
    let folder = folder();
    let settings = settings(folder.path());
    embedded::start(&settings).unwrap().stop().unwrap();
    let file = settings.home.join("data/postmaster.pid");
    let owner = settings.home.join("data").metadata().unwrap();
    let mut other = Command::new("sleep").arg("600").spawn().unwrap();
    fs::write(&file, format!("{}\n{}\n0\n5432\n\n\n\n", other.id(), settings.home.join("data").display())).unwrap();
    std::os::unix::fs::chown(&file, Some(owner.uid()), Some(owner.gid())).unwrap();
    let cluster = embedded::start(&settings);
    let untouched = other.try_wait().unwrap().is_none();
    other.kill().unwrap();
    other.wait().unwrap();
    cluster.unwrap();
    assert!(untouched, "a process that is none of ours was ended");
}

#[tokio::test]
async fn nobody_gets_in_without_the_password() {
    let folder = folder();
    let cluster = embedded::start(&Settings { tcp: true, ..settings(folder.path()) }).unwrap();
    assert_eq!(ask(&cluster.tcp_url("postgres").unwrap(), "select 'by port'").await, "by port");
    assert_eq!(ask(&cluster.url("postgres"), "select 'by socket'").await, "by socket");
    for url in [cluster.url("postgres"), cluster.tcp_url("postgres").unwrap()] {
        for wrong in [url.replace(cluster.password(), "wrong"), url.replace(&format!(":{}@", cluster.password()), "@")]
        {
            assert!(tokio_postgres::connect(&wrong, tokio_postgres::NoTls).await.is_err(), "{wrong} got in");
        }
    }
    for (path, mode) in [("password", 0o600), ("data", 0o700), ("run", 0o700)] {
        assert_eq!(cluster.home().join(path).metadata().unwrap().mode() & 0o777, mode, "{path}");
    }
}

#[test]
fn the_server_never_runs_as_root_and_owns_its_files() {
    let folder = folder();
    let cluster = embedded::start(&settings(folder.path())).unwrap();
    let server = fs::metadata(format!("/proc/{}", cluster.pid())).unwrap().uid();
    assert_eq!(cluster.home().join("data").metadata().unwrap().uid(), server);
    let own = fs::metadata("/proc/self").unwrap().uid();
    // Root's server has another user, unless the programs are where only root can read them.
    let in_namespace = fs::read_to_string(format!("/proc/{}/uid_map", cluster.pid())).unwrap().contains("65534");
    assert!(server != 0 || in_namespace);
    assert!(own == 0 || server == own);
}

#[test]
fn a_home_with_a_long_path_keeps_its_socket_elsewhere_and_says_so() {
    let folder = folder();
    let long = folder.path().join("a".repeat(60)).join("b".repeat(60));
    let settings = Settings { home: long.clone(), ..settings(folder.path()) };
    let cluster = embedded::start(&settings).unwrap();
    assert!(cluster.socket_dir().as_os_str().len() < 100);
    assert!(cluster.notices().iter().any(|notice| notice.contains("too long")), "{:?}", cluster.notices());
    let socket = cluster.socket_dir().to_owned();
    drop(cluster);
    fs::remove_dir_all(socket).unwrap();
}

#[test]
fn root_moves_data_that_its_server_could_not_reach_and_says_so() {
    let folder = folder();
    let private = folder.path().join("private");
    fs::create_dir(&private).unwrap();
    fs::set_permissions(&private, fs::Permissions::from_mode(0o700)).unwrap();
    let cluster = embedded::start(&settings(&private)).unwrap();
    let home: PathBuf = cluster.home().to_owned();
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    let moved = !home.starts_with(folder.path().canonicalize().unwrap());
    assert!(is_root || !moved);
    assert_eq!(moved, !cluster.notices().is_empty());
    drop::<Cluster>(cluster);
    if moved {
        embedded::remove(&home).unwrap();
        assert!(!home.exists());
    }
}

#[test]
fn data_of_another_major_version_is_refused_with_advice() {
    let folder = folder();
    let settings = settings(folder.path());
    embedded::start(&settings).unwrap().stop().unwrap();
    fs::write(settings.home.join("data/PG_VERSION"), "13\n").unwrap();
    let error = embedded::start(&settings).unwrap_err();
    assert!(matches!(error, Error::OtherVersion { made_by: 13, .. }), "{error}");
}

#[test]
fn a_setting_that_the_server_refuses_is_reported_with_its_words() {
    let folder = folder();
    let extra = vec![("shared_buffers".to_owned(), "plenty".to_owned())];
    let error = embedded::start(&Settings { extra, ..settings(folder.path()) }).unwrap_err();
    assert!(error.to_string().contains("plenty"), "{error}");
}
