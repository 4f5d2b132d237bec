use std::ffi::OsString;
use std::fmt::Write;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use crate::binaries::{self, Binaries};
use crate::home::{Home, SUPERUSER};
use crate::identity::Identity;
use crate::supervisor::Supervisor;
use crate::{Error, Settings, leftover};

/// The number in the name of the socket; nothing listens on a port of this number.
const SOCKET_PORT: u16 = 5432;

/// How often a start is tried again when something outside our control came between.
const TRIES: usize = 5;

/// A running PostgreSQL of our own. Dropping it stops it and blocks meanwhile (well under a second, usually); should
/// this process be killed instead, it stops too.
#[derive(Debug)]
pub struct Cluster {
    supervisor: Supervisor,
    binaries: Binaries,
    socket: PathBuf,
    port: u16,
    tcp: bool,
    password: String,
    notices: Vec<String>,
    // The last field: the lock is released after the server has ended.
    home: Home,
}

/// Starts the cluster of `settings.home`, making it first if there is none. Blocks for about a second then, else for
/// a tenth; in async code call it through `spawn_blocking`.
pub fn start(settings: &Settings) -> Result<Cluster, Error> {
    let mut notices = Vec::new();
    let identity = Identity::choose(&binaries::find(settings, None)?.folder)?;
    let home = Home::open(&settings.home, &identity, &mut notices)?;
    // Only now it is known where the data lies, and which version made it.
    let made_by = home.made_by();
    let data = home.data();
    let binaries = binaries::find(settings, made_by.map(|version| (version, data.as_path())))?;
    let identity = Identity::choose(&binaries.folder)?;
    leftover::stop(&home.folder, &data)?;
    let password = home.password(&identity)?;
    let socket = home.socket_folder(&identity, &mut notices)?;
    home.initialize(settings, &binaries, &identity, &password)?;

    let mut tried = 1;
    let (supervisor, port) = loop {
        let port = if settings.tcp { free_port()? } else { SOCKET_PORT };
        let server = server_command(settings, &binaries, &data, &socket, port);
        let mut supervisor = Supervisor::spawn(identity.command("sh"), server, &home.log())?;
        match supervisor.wait_until_ready(&data, home.log()) {
            Ok(()) => break (supervisor, port),
            Err(Error::Ended { tail, .. }) if tried < TRIES && is_passing(&tail) => {
                tried += 1;
                std::thread::sleep(std::time::Duration::from_millis(200));
            }
            Err(error) => {
                supervisor.stop();
                return Err(error);
            }
        }
    };
    for notice in &notices {
        tracing::info!("{notice}");
    }
    Ok(Cluster { supervisor, binaries, socket, port, tcp: settings.tcp, password, notices, home })
}

/// Removes the home of a cluster that no process uses any more, and ends a server that a killed process left there.
/// Refused with `Error::InUse` while a process uses it.
pub fn remove(home: &Path) -> Result<(), Error> {
    let home = Home::existing(home)?;
    leftover::stop(&home.folder, &home.data())?;
    fs::remove_dir_all(&home.folder).map_err(Error::io("remove", &home.folder))
}

impl Cluster {
    /// A `postgres://` address of a database, for sqlx and tokio-postgres alike: the host is the folder of the socket.
    /// It holds the password.
    pub fn url(&self, database: &str) -> String {
        let socket = percent_encode(&self.socket.to_string_lossy());
        self.url_at(&socket, database)
    }

    /// The same by way of 127.0.0.1, if the settings asked for it.
    pub fn tcp_url(&self, database: &str) -> Option<String> {
        self.tcp.then(|| self.url_at("127.0.0.1", database))
    }

    fn url_at(&self, host: &str, database: &str) -> String {
        let database = percent_encode(database);
        format!("postgres://{SUPERUSER}:{}@{host}:{}/{database}", self.password, self.port)
    }

    /// The folder with the Unix socket; only the server's user (and root) can enter it.
    pub fn socket_dir(&self) -> &Path {
        &self.socket
    }

    /// The port on 127.0.0.1, if the settings asked for one.
    pub fn tcp_port(&self) -> Option<u16> {
        self.tcp.then_some(self.port)
    }

    /// The name of the superuser.
    pub fn user(&self) -> &'static str {
        SUPERUSER
    }

    pub fn password(&self) -> &str {
        &self.password
    }

    /// Where the cluster really lies, which may differ from what the settings asked for.
    pub fn home(&self) -> &Path {
        &self.home.folder
    }

    /// The server's own messages.
    pub fn log(&self) -> PathBuf {
        self.home.log()
    }

    pub fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    /// The process id of the server.
    pub fn pid(&self) -> &str {
        self.supervisor.pid()
    }

    /// Sentences for the user about where things had to be put.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// Stops the server and blocks until it has ended.
    pub fn stop(mut self) -> Result<(), Error> {
        if self.supervisor.stop() {
            return Ok(());
        }
        let pid = self.supervisor.pid().parse().unwrap_or_default();
        Err(Error::Leftover { home: self.home.folder.clone(), pid })
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if !self.supervisor.stop() {
            tracing::warn!(pid = self.supervisor.pid(), "PostgreSQL does not end; the next start ends it");
        }
    }
}

fn server_command(settings: &Settings, binaries: &Binaries, data: &Path, socket: &Path, port: u16) -> Vec<OsString> {
    let listen = if settings.tcp { "127.0.0.1" } else { "" };
    // Quoted, because a comma would begin a second folder.
    let socket = format!("\"{}\"", socket.display().to_string().replace('"', "\"\""));
    let mut options = vec![
        ("listen_addresses", listen.to_owned()),
        ("port", port.to_string()),
        ("unix_socket_directories", socket),
        ("shared_buffers", "64MB".to_owned()),
        ("max_connections", "200".to_owned()),
        ("timezone", "UTC".to_owned()),
        ("log_timezone", "UTC".to_owned()),
    ];
    if !settings.durable {
        for name in ["fsync", "synchronous_commit", "full_page_writes"] {
            options.push((name, "off".to_owned()));
        }
    }
    options.extend(settings.extra.iter().map(|(name, value)| (name.as_str(), value.clone())));
    let mut command: Vec<OsString> = vec![binaries.folder.join("postgres").into(), "-D".into(), data.into()];
    for (name, value) in options {
        command.extend(["-c".into(), format!("{name}={value}").into()]);
    }
    command
}

/// A port that is free now. Another process may take it before the server does; then the start is tried again.
fn free_port() -> Result<u16, Error> {
    let failed = |source| Error::Io { step: "find a free port on", path: PathBuf::from("127.0.0.1"), source };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
    Ok(listener.local_addr().map_err(failed)?.port())
}

/// Whether the server refused to start for a reason that goes away: someone took the port, or the last sessions of a
/// killed server have not all noticed its end.
fn is_passing(log: &str) -> bool {
    ["could not create any TCP/IP sockets", "pre-existing shared memory block"].iter().any(|text| log.contains(text))
}

fn percent_encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            write!(encoded, "%{byte:02X}").unwrap_or_default();
        }
        encoded
    })
}
