use std::fs;
use std::os::unix::fs::{MetadataExt, lchown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::Error;

/// Who PostgreSQL runs as. It refuses to run as root, and trusts only files of its own user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Identity {
    /// This process is no root: PostgreSQL runs as the same user.
    Own,
    /// This process is root: PostgreSQL runs as an unprivileged user of the system.
    User { name: String, uid: u32, gid: u32 },
    /// This process is root, and the binaries are where no other user can read them: PostgreSQL runs in a user
    /// namespace in which root is called `nobody`, so that the files stay root's.
    Namespace,
}

impl Identity {
    /// Chooses by who runs this process and who can read the binaries.
    pub(crate) fn choose(binaries: &Path) -> Result<Self, Error> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Own);
        }
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let Some(user) = unprivileged(&users) else { return Err(Error::NoSuchUser) };
        if user.reaches(binaries) {
            return Ok(user);
        }
        let name = match user {
            Self::User { name, .. } => name,
            Self::Own | Self::Namespace => String::new(),
        };
        // Containers may forbid namespaces, so it is tried.
        let tried = Self::Namespace.command("true").stdout(Stdio::null()).stderr(Stdio::null()).status();
        match tried {
            Ok(status) if status.success() => Ok(Self::Namespace),
            _ => Err(Error::NoUser { user: name, binaries: binaries.to_owned() }),
        }
    }

    /// A command that runs as this identity, outside any folder that its user may not enter. It sees nothing of our
    /// environment, which may hold secrets that the server's process has no business with.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let program = program.as_ref();
        let mut command = match self {
            Self::Own => Command::new(program),
            Self::User { uid, gid, .. } => {
                let mut command = Command::new(program);
                // The standard library drops root's supplementary groups together with the user id.
                command.uid(*uid).gid(*gid);
                command
            }
            Self::Namespace => {
                let mut command = Command::new("unshare");
                command.args(["--user", "--map-user=65534", "--map-group=65534", "--"]).arg(program);
                command
            }
        };
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin").env("LC_ALL", "C");
        command.current_dir("/").stdin(Stdio::null());
        command
    }

    /// Whether this identity can read in `folder`, as far as owners and modes tell.
    pub(crate) fn reaches(&self, folder: &Path) -> bool {
        let Self::User { uid, gid, .. } = self else { return true };
        folder.ancestors().filter(|ancestor| !ancestor.as_os_str().is_empty()).all(|ancestor| {
            let Ok(meta) = ancestor.metadata() else { return false };
            let shift = if meta.uid() == *uid {
                6
            } else if meta.gid() == *gid {
                3
            } else {
                0
            };
            (meta.mode() >> shift) & 0o1 != 0
        })
    }

    /// The owner that a file or folder of PostgreSQL must have.
    pub(crate) fn uid(&self) -> u32 {
        match self {
            Self::User { uid, .. } => *uid,
            Self::Own | Self::Namespace => rustix::process::geteuid().as_raw(),
        }
    }

    /// Gives `path` and all below it to this identity. Costs one look when it already is the owner.
    pub(crate) fn own(&self, path: &Path) -> Result<(), Error> {
        let meta = path.symlink_metadata().map_err(Error::io("look at", path))?;
        if meta.uid() == self.uid() || *self == Self::Own {
            return Ok(());
        }
        let gid = match self {
            Self::User { gid, .. } => *gid,
            Self::Own | Self::Namespace => rustix::process::getegid().as_raw(),
        };
        if meta.is_dir() {
            for entry in path.read_dir().map_err(Error::io("list", path))? {
                self.own(&entry.map_err(Error::io("list", path))?.path())?;
            }
        }
        lchown(path, Some(self.uid()), Some(gid)).map_err(Error::io("change the owner of", path))
    }
}

/// The user `postgres`, else `nobody`, in the text of /etc/passwd.
fn unprivileged(passwd: &str) -> Option<Identity> {
    let find = |name: &str| {
        passwd.lines().find_map(|line| {
            let mut fields = line.split(':');
            if fields.next() != Some(name) {
                return None;
            }
            let uid = fields.nth(1)?.parse().ok().filter(|uid| *uid != 0)?;
            Some(Identity::User { name: name.to_owned(), uid, gid: fields.next()?.parse().ok()? })
        })
    };
    find("postgres").or_else(|| find("nobody"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_user_postgres_is_preferred_and_a_root_of_that_name_is_refused() {
        let both = "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65533::/:\npostgres:x:101:104::/:\n";
        let expected = Identity::User { name: "postgres".to_owned(), uid: 101, gid: 104 };
        assert_eq!(unprivileged(both), Some(expected));
        let disguised = "postgres:x:0:0::/:\nnobody:x:65534:65533::/:\n";
        let expected = Identity::User { name: "nobody".to_owned(), uid: 65534, gid: 65533 };
        assert_eq!(unprivileged(disguised), Some(expected));
        assert_eq!(unprivileged("root:x:0:0::/root:/bin/sh\n"), None);
    }

    #[test]
    fn a_folder_below_a_private_one_is_out_of_reach_for_another_user() {
        let private = tempfile::tempdir().unwrap();
        let inner = private.path().join("inner");
        fs::create_dir(&inner).unwrap();
        fs::set_permissions(private.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let stranger = Identity::User { name: "stranger".to_owned(), uid: 4_000_001, gid: 4_000_001 };
        assert!(!stranger.reaches(&inner));
        fs::set_permissions(private.path(), fs::Permissions::from_mode(0o711)).unwrap();
        assert!(stranger.reaches(&inner));
        assert!(Identity::Own.reaches(&inner));
    }
}
