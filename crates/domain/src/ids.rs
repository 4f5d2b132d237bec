//! Every kind of id: UUIDv7 inside, prefixed outside. Alphabetical by prefix, append only.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

#[derive(Debug, thiserror::Error)]
#[error("`{text}` is not an id of the kind `{prefix}`: expected `{prefix}_` and 32 hexadecimal digits")]
pub struct IdError {
    text: String,
    prefix: &'static str,
}

macro_rules! id {
    ($name:ident, $prefix:literal) => {
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            pub const PREFIX: &'static str = $prefix;

            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}_{}", Self::PREFIX, self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                text.strip_prefix(concat!($prefix, "_"))
                    .filter(|digits| digits.len() == 32)
                    .and_then(|digits| Uuid::try_parse(digits).ok())
                    .map(Self)
                    .ok_or_else(|| IdError { text: text.to_owned(), prefix: $prefix })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(ApprovalId, "apr");
id!(DestinationId, "dst");
id!(InvitationId, "inv");
id!(JobId, "job");
id!(KeyId, "key");
id!(ModelId, "mdl");
id!(RunId, "run");
id!(SecretId, "sec");
id!(SourceId, "src");
id!(SyncId, "syn");
id!(UserId, "usr");
id!(WorkspaceId, "ws");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_what_it_prints_and_refuses_another_kind() {
        let id = SyncId::from_uuid(Uuid::from_u128(7));
        assert_eq!(id.to_string(), "syn_00000000000000000000000000000007");
        assert_eq!(id.to_string().parse::<SyncId>().unwrap(), id);
        assert!(id.to_string().parse::<RunId>().is_err());
        assert!("syn_7".parse::<SyncId>().is_err());
    }
}
