use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::WorkspaceId;
use zeroize::Zeroizing;

use super::cipher::{self, KEY_BYTES, KeyBytes, Sealed};
use crate::Error;

/// The keys that wrap data keys: the current one, and older ones that are still needed to unwrap. A key management
/// service would take the place of what is behind `wrap` and `unwrap`.
#[derive(Clone)]
pub struct MasterKeys {
    current: MasterKey,
    older: Vec<MasterKey>,
}

#[derive(Clone)]
struct MasterKey {
    id: String,
    key: KeyBytes,
}

/// A data key and the version that names it in its workspace.
pub(crate) struct DataKey {
    pub(crate) version: i32,
    pub(crate) bytes: KeyBytes,
}

/// A data key as the database holds it.
pub(crate) struct Wrapped {
    pub(crate) version: i32,
    pub(crate) master_key_id: String,
    pub(crate) sealed: Sealed,
}

impl MasterKeys {
    /// From `id:key` pairs, one a line or separated by commas, the current one first; a key is 32 bytes in base64.
    /// Empty lines and those that begin with `#` are passed over.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        let written = lines.flat_map(|line| line.split(',')).map(str::trim).filter(|pair| !pair.is_empty());
        let mut keys = Vec::<MasterKey>::new();
        for (index, pair) in written.enumerate() {
            let key = MasterKey::parse(pair, index + 1)?;
            if keys.iter().any(|other| other.id == key.id) {
                return Err(Error::MasterKeys(format!("two of them have the id `{}`; give each its own", key.id)));
            }
            keys.push(key);
        }
        let mut keys = keys.into_iter();
        let current = keys.next().ok_or_else(|| {
            Error::MasterKeys("there are none; write `id:key`, the key being 32 random bytes in base64".to_owned())
        })?;
        Ok(Self { current, older: keys.collect() })
    }

    /// Of the key that wraps from now on.
    pub fn current_id(&self) -> &str {
        &self.current.id
    }

    pub(crate) fn has(&self, id: &str) -> bool {
        std::iter::once(&self.current).chain(&self.older).any(|key| key.id == id)
    }

    pub(crate) async fn wrap(&self, workspace: WorkspaceId, version: i32, key: &KeyBytes) -> Result<Wrapped, Error> {
        let MasterKey { id, key: master } = &self.current;
        let sealed = cipher::seal(master, &address(workspace, version, id), &key[..])?;
        Ok(Wrapped { version, master_key_id: id.clone(), sealed })
    }

    pub(crate) async fn unwrap(&self, workspace: WorkspaceId, wrapped: &Wrapped) -> Result<DataKey, Error> {
        let Wrapped { version, master_key_id: id, sealed } = wrapped;
        let mut known = std::iter::once(&self.current).chain(&self.older);
        let master = known.find(|key| key.id == *id).ok_or_else(|| Error::UnknownMasterKey { id: id.clone() })?;
        let broken =
            || Error::DoesNotOpen { what: format!("the data key of {workspace}, wrapped by the master key `{id}`,") };
        let opened = cipher::open(&master.key, &address(workspace, *version, id), sealed);
        let opened = opened.map_err(|_| broken())?;
        let bytes = Zeroizing::new(<[u8; KEY_BYTES]>::try_from(&opened[..]).map_err(|_| broken())?);
        Ok(DataKey { version: *version, bytes })
    }
}

fn address(workspace: WorkspaceId, version: i32, master_key_id: &str) -> Vec<u8> {
    let (workspace, version) = (workspace.uuid(), version.to_be_bytes());
    cipher::address(&[b"data_key", b"wrapped", workspace.as_bytes(), &version, master_key_id.as_bytes()])
}

impl MasterKey {
    /// What is wrong is told by the number of the pair: its text may be the key.
    fn parse(pair: &str, number: usize) -> Result<Self, Error> {
        let wrong = |what: &str| Error::MasterKeys(format!("number {number} {what}"));
        let (id, written) = pair.split_once(':').ok_or_else(|| wrong("is not written as `id:key`"))?;
        let (id, written) = (id.trim(), written.trim());
        let letters = id.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
        if id.is_empty() || id.len() > 64 || !letters {
            return Err(wrong("has an id that is not 1 to 64 letters, digits, `_`, `.` and `-`"));
        }
        let bytes = STANDARD.decode(written).map(Zeroizing::new);
        let bytes = bytes.map_err(|_| wrong(&format!("(`{id}`) has a key that is not base64")))?;
        let key = <[u8; KEY_BYTES]>::try_from(&bytes[..]).map_err(|_| {
            let found = bytes.len();
            wrong(&format!("(`{id}`) has a key of {found} bytes; it takes {KEY_BYTES}"))
        })?;
        Ok(Self { id: id.to_owned(), key: Zeroizing::new(key) })
    }
}

impl fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let older: Vec<&str> = self.older.iter().map(|key| key.id.as_str()).collect();
        f.debug_struct("MasterKeys").field("current", &self.current.id).field("older", &older).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(id: &str, byte: u8) -> String {
        format!("{id}:{}", STANDARD.encode([byte; 32]))
    }

    #[test]
    fn keys_are_one_a_line_or_separated_by_commas_and_the_first_is_current() {
        for text in [
            format!("# since spring\n{}\n\n  {} \n", pair("b", 2), pair("a", 1)),
            format!("{},{}", pair("b", 2), pair("a", 1)),
        ] {
            let keys = MasterKeys::parse(&text).unwrap();
            assert_eq!(keys.current_id(), "b");
            assert_eq!(keys.older.len(), 1);
            assert_eq!(format!("{keys:?}"), r#"MasterKeys { current: "b", older: ["a"] }"#);
        }
    }

    #[test]
    fn what_is_wrong_with_a_key_is_told_without_the_key() {
        let short = STANDARD.encode([7; 31]);
        for (text, told) in [
            (String::new(), "there are none"),
            ("# nothing".to_owned(), "there are none"),
            (STANDARD.encode([7; 32]), "number 1 is not written as `id:key`"),
            (format!("{},:{short}", pair("a", 1)), "number 2 has an id"),
            (format!("a b:{short}"), "number 1 has an id"),
            ("a:planted-not-base64".to_owned(), "number 1 (`a`) has a key that is not base64"),
            (format!("a:{short}"), "number 1 (`a`) has a key of 31 bytes; it takes 32"),
            (format!("{}\n{}", pair("a", 1), pair("a", 2)), "two of them have the id `a`"),
        ] {
            let error = MasterKeys::parse(&text).unwrap_err().to_string();
            assert!(error.contains(told), "{text}: {error}");
            assert!(!error.contains("planted") && !error.contains(&short), "{error}");
        }
    }
}
