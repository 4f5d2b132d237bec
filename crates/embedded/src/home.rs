use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::binaries::Binaries;
use crate::identity::Identity;
use crate::{Error, Settings, verifier};

pub(crate) const SUPERUSER: &str = "rowcast";

/// Where homes go that PostgreSQL's own user could not enter.
const REACHABLE: &str = "/var/lib/rowcast";

/// The longest socket path that every system accepts is 103 bytes (Linux: 107); `/.s.PGSQL.65535` takes 15 of them.
const LONGEST_SOCKET_FOLDER: usize = 103 - 15;

/// The folder of one cluster, locked by this process.
#[derive(Debug)]
pub(crate) struct Home {
    pub(crate) folder: PathBuf,
    _lock: File,
}

impl Home {
    /// Creates the folder if it is missing, or another one that PostgreSQL's user can reach, and locks it.
    pub(crate) fn open(wanted: &Path, identity: &Identity, notices: &mut Vec<String>) -> Result<Self, Error> {
        let wanted = std::path::absolute(wanted).map_err(Error::io("find", wanted))?;
        create_folder(&wanted, 0o711)?;
        // Resolved, so that the same cluster has one name whatever links lead to it.
        let mut folder = wanted.canonicalize().map_err(Error::io("resolve", &wanted))?;
        if !identity.reaches(&folder) {
            let moved = Path::new(REACHABLE).join(short_hash(&folder));
            create_folder(Path::new(REACHABLE), 0o711)?;
            create_folder(&moved, 0o711)?;
            notices.push(format!(
                "The database lies in {} because PostgreSQL does not run as root and no other user can enter {}.",
                moved.display(),
                folder.display()
            ));
            // Nothing is kept in the wanted place; if something else lies there, it stays.
            fs::remove_dir(&folder).unwrap_or_default();
            folder = moved;
        }
        let lock = lock(&folder)?;
        Ok(Self { folder, _lock: lock })
    }

    /// Locks a folder that exists; for cleaning up.
    pub(crate) fn existing(folder: &Path) -> Result<Self, Error> {
        let folder = folder.canonicalize().map_err(Error::io("resolve", folder))?;
        let lock = lock(&folder)?;
        Ok(Self { folder, _lock: lock })
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join("postgres.log")
    }

    /// The password of our superuser, made at the first start.
    pub(crate) fn password(&self, identity: &Identity) -> Result<String, Error> {
        let file = self.folder.join("password");
        match fs::read_to_string(&file) {
            Ok(password) if !password.is_empty() => {
                identity.own(&file)?;
                return Ok(password);
            }
            // A crash between creating and writing leaves an empty file, and no data yet.
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(Error::Io { step: "read", path: file, source }),
        }
        if self.data().exists() {
            return Err(Error::PasswordMissing { file });
        }
        let password: String = random::<24>()?.iter().map(|byte| format!("{byte:02x}")).collect();
        write_secret(&file, &password)?;
        identity.own(&file)?;
        Ok(password)
    }

    /// A private folder for the socket: in the home, unless the path would be too long for a socket.
    pub(crate) fn socket_folder(&self, identity: &Identity, notices: &mut Vec<String>) -> Result<PathBuf, Error> {
        let mut folder = self.folder.join("run");
        if folder.as_os_str().len() > LONGEST_SOCKET_FOLDER {
            folder = Path::new("/tmp").join(format!("rowcast-{}", short_hash(&self.folder)));
            notices.push(format!(
                "The database socket lies in {} because {} is too long a path for a socket.",
                folder.display(),
                self.folder.display()
            ));
        }
        create_folder(&folder, 0o700)?;
        // Everybody may write in /tmp: what someone else has put there under this name is not to be trusted.
        let meta = folder.symlink_metadata().map_err(Error::io("look at", &folder))?;
        let ours = meta.uid() == identity.uid() || meta.uid() == rustix::process::geteuid().as_raw();
        if !meta.is_dir() || !ours || meta.mode() & 0o077 != 0 {
            return Err(Error::ForeignSocketFolder { folder });
        }
        identity.own(&folder)?;
        Ok(folder)
    }

    /// The major version that made the data, if there is any.
    pub(crate) fn made_by(&self) -> Option<u32> {
        fs::read_to_string(self.data().join("PG_VERSION")).ok()?.trim().parse().ok()
    }

    /// Makes the data folder, unless there is one. A crash on the way leaves nothing that looks finished.
    pub(crate) fn initialize(
        &self,
        settings: &Settings,
        binaries: &Binaries,
        identity: &Identity,
        password: &str,
    ) -> Result<(), Error> {
        let data = self.data();
        if data.exists() {
            return identity.own(&data);
        }
        let unfinished = self.folder.join("data.new");
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished).map_err(Error::io("remove", &unfinished))?;
        }
        create_folder(&unfinished, 0o700)?;
        identity.own(&unfinished)?;
        let hashed = self.folder.join("password.hashed");
        write_secret(&hashed, &verifier(password, random()?))?;
        identity.own(&hashed)?;
        let program = binaries.folder.join("initdb");
        let mut command = identity.command(&program);
        command.arg("-D").arg(&unfinished).args(["-U", SUPERUSER, "-A", "scram-sha-256"]);
        command.args(["--encoding=UTF8", "--no-locale", "--no-instructions"]);
        command.arg(format!("--pwfile={}", hashed.display()));
        if !settings.durable {
            command.arg("--no-sync");
        }
        let output =
            command.output().map_err(|source| Error::Run { program: program.display().to_string(), source })?;
        if !output.status.success() {
            return Err(Error::Initdb { output: String::from_utf8_lossy(&output.stderr).trim().to_owned() });
        }
        fs::remove_file(&hashed).map_err(Error::io("remove", &hashed))?;
        fs::rename(&unfinished, &data).map_err(Error::io("finish", &data))?;
        File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(Error::io("sync", &self.folder))
    }
}

fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    let device = Path::new("/dev/urandom");
    File::open(device).and_then(|mut source| source.read_exact(&mut bytes)).map_err(Error::io("read", device))?;
    Ok(bytes)
}

/// Writes a file that only its owner may read, durably.
fn write_secret(file: &Path, text: &str) -> Result<(), Error> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(file)
        .and_then(|mut output| output.write_all(text.as_bytes()).and_then(|()| output.sync_all()))
        .map_err(Error::io("write", file))
}

/// Creates a folder with exactly this mode, whatever the umask says; one that exists is left as it is.
fn create_folder(folder: &Path, mode: u32) -> Result<(), Error> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
    }
    DirBuilder::new().mode(mode).create(folder).map_err(Error::io("create", folder))?;
    fs::set_permissions(folder, Permissions::from_mode(mode)).map_err(Error::io("set the mode of", folder))
}

/// The kernel drops this lock when the process ends, however it ends.
fn lock(folder: &Path) -> Result<File, Error> {
    let path = folder.join("lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(Error::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let pid = file.read_to_string(&mut holder).ok().and_then(|_| holder.trim().parse().ok());
            return Err(Error::InUse { home: folder.to_owned(), pid });
        }
        Err(TryLockError::Error(source)) => return Err(Error::Io { step: "lock", path, source }),
    }
    file.set_len(0).map_err(Error::io("write", &path))?;
    writeln!(file, "{}", std::process::id()).map_err(Error::io("write", &path))?;
    Ok(file)
}

/// A short name for a path (FNV-1a). Moved data is found again by it, so it never changes; it need not be secret.
fn short_hash(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes();
    let hash = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}
