//! The kinds of values that settings have, each with one way to be written.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use domain::{WorkspaceId, egress::Network};

/// Read from text, the same in the file and in the environment, and shown the same way.
pub(super) trait Value: Sized {
    /// The sentence says what is expected; the reader adds what was found.
    const EXPECTED: &'static str;

    fn parse(text: &str) -> Option<Self>;

    fn show(&self) -> String;
}

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Bytes(pub(crate) u64);

/// A number, or no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cap<T>(pub(crate) Option<T>);

/// Requests in a time, and as many of them at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) requests: u32,
    pub(crate) per: Duration,
}

/// `http://` or `https://`, a host and perhaps a port, and nothing behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin(pub(crate) String);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BucketName(pub(super) String);

/// Before the names of all objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prefix(pub(super) String);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Region(pub(super) String);

/// The ARN of a user or role of AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arn(pub(crate) String);

/// US dollars.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Price(pub(crate) f64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignUp {
    Open,
    Invitation,
    FirstUserOnly,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// As whom the service calls AWS when it assumes the roles of users, and where a workspace may use its own identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identity {
    Nobody,
    AccessKey,
    DefaultChain,
}

const UNITS_OF_TIME: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
const UNITS_OF_SIZE: [(&str, u64); 5] =
    [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

impl Value for Duration {
    const EXPECTED: &'static str = "a time with its unit, such as 500ms, 30s, 10m, 24h or 7d";

    fn parse(text: &str) -> Option<Self> {
        with_unit(text, &UNITS_OF_TIME).map(Self::from_millis)
    }

    fn show(&self) -> String {
        show_with_unit(u64::try_from(self.as_millis()).unwrap_or(u64::MAX), &UNITS_OF_TIME, "0s")
    }
}

impl Value for Bytes {
    const EXPECTED: &'static str = "a size with its unit: B, KiB, MiB, GiB or TiB";

    fn parse(text: &str) -> Option<Self> {
        with_unit(text, &UNITS_OF_SIZE).map(Self)
    }

    fn show(&self) -> String {
        show_with_unit(self.0, &UNITS_OF_SIZE, "0B")
    }
}

impl Value for Price {
    const EXPECTED: &'static str = "a price in US dollars, such as 0.014";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok().filter(|price: &f64| price.is_finite() && *price >= 0.0).map(Self)
    }

    fn show(&self) -> String {
        self.0.to_string()
    }
}

impl<T: Value> Value for Cap<T> {
    const EXPECTED: &'static str = "the word unlimited, or a value as in rowcast.example.yaml";

    fn parse(text: &str) -> Option<Self> {
        if text == "unlimited" { Some(Self(None)) } else { T::parse(text).map(|value| Self(Some(value))) }
    }

    fn show(&self) -> String {
        self.0.as_ref().map_or_else(|| "unlimited".to_owned(), T::show)
    }
}

impl Value for Rate {
    const EXPECTED: &'static str = "requests and a time, such as 600/1m";

    fn parse(text: &str) -> Option<Self> {
        let (requests, per) = text.split_once('/')?;
        let (requests, per) = (requests.trim().parse().ok()?, Duration::parse(per.trim())?);
        // Whole seconds: so it is told to clients.
        let fits = requests > 0 && per.subsec_nanos() == 0 && (1..=86_400).contains(&per.as_secs());
        fits.then_some(Self { requests, per })
    }

    fn show(&self) -> String {
        format!("{}/{}", self.requests, self.per.show())
    }
}

impl Value for u32 {
    const EXPECTED: &'static str = "a whole number";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for u64 {
    const EXPECTED: &'static str = "a whole number";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for bool {
    const EXPECTED: &'static str = "true or false";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for String {
    const EXPECTED: &'static str = "a text";

    fn parse(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn show(&self) -> String {
        self.clone()
    }
}

impl Value for PathBuf {
    const EXPECTED: &'static str = "the path of a file or folder";

    fn parse(text: &str) -> Option<Self> {
        (!text.is_empty() && !text.contains('\0')).then(|| Self::from(text))
    }

    fn show(&self) -> String {
        self.display().to_string()
    }
}

impl Value for SocketAddr {
    const EXPECTED: &'static str = "an IP address and a port, such as 127.0.0.1:8080 or [::]:8080";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for Network {
    const EXPECTED: &'static str = "a network such as 10.0.0.0/8 or fd00::/8, without bits behind its prefix";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for WorkspaceId {
    const EXPECTED: &'static str = "the id of a workspace, ws_ and 32 hexadecimal digits";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for Origin {
    const EXPECTED: &'static str = "an address such as https://rowcast.example, without a path or a password";

    fn parse(text: &str) -> Option<Self> {
        let text = text.strip_suffix('/').unwrap_or(text);
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
        let plain = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
        (!host.is_empty() && host.chars().all(plain)).then(|| Self(text.to_owned()))
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

impl Value for BucketName {
    const EXPECTED: &'static str = "the name of a bucket: 3 to 63 lowercase letters, digits, `-` and `.`";

    fn parse(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let fits = (3..=63).contains(&text.len())
            && text.bytes().all(|byte| plain(byte) || b"-.".contains(&byte))
            && text.bytes().next().is_some_and(plain)
            && text.bytes().last().is_some_and(plain);
        fits.then(|| Self(text.to_owned()))
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

impl Value for Prefix {
    const EXPECTED: &'static str =
        "names of letters, digits, `_`, `-` and `.` with `/` between them, such as rowcast/prod";

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim_matches('/');
        let name = |name: &str| {
            !name.is_empty()
                && !name.starts_with('.')
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
        };
        text.split('/').all(name).then(|| Self(text.to_owned()))
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

impl Value for Region {
    const EXPECTED: &'static str = "a region of AWS, such as eu-central-1";

    fn parse(text: &str) -> Option<Self> {
        let fits = !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        fits.then(|| Self(text.to_owned()))
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

impl Value for Arn {
    const EXPECTED: &'static str = "an ARN of a user or role, such as arn:aws:iam::123456789012:role/rowcast";

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let mut is = |fits: &dyn Fn(&str) -> bool| parts.next().is_some_and(fits);
        let fits = is(&|part| part == "arn")
            && is(&|part| part.starts_with("aws"))
            && is(&|part| part == "iam" || part == "sts")
            && is(&|_| true)
            && is(&|part| part.len() == 12 && part.chars().all(|c| c.is_ascii_digit()))
            && is(&|part| !part.is_empty() && !part.contains(['"', ' ']));
        fits.then(|| Self(text.to_owned()))
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

impl Value for SignUp {
    const EXPECTED: &'static str = "open, invitation or first-user-only";

    fn parse(text: &str) -> Option<Self> {
        [Self::Open, Self::Invitation, Self::FirstUserOnly].into_iter().find(|value| value.show() == text)
    }

    fn show(&self) -> String {
        match self {
            Self::Open => "open",
            Self::Invitation => "invitation",
            Self::FirstUserOnly => "first-user-only",
        }
        .to_owned()
    }
}

impl Value for LogFormat {
    const EXPECTED: &'static str = "text or json";

    fn parse(text: &str) -> Option<Self> {
        [Self::Text, Self::Json].into_iter().find(|value| value.show() == text)
    }

    fn show(&self) -> String {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
        .to_owned()
    }
}

impl Value for Identity {
    const EXPECTED: &'static str = "nobody, access-key or default-chain";

    fn parse(text: &str) -> Option<Self> {
        [Self::Nobody, Self::AccessKey, Self::DefaultChain].into_iter().find(|value| value.show() == text)
    }

    fn show(&self) -> String {
        match self {
            Self::Nobody => "nobody",
            Self::AccessKey => "access-key",
            Self::DefaultChain => "default-chain",
        }
        .to_owned()
    }
}

fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// In the largest unit that leaves nothing over.
fn show_with_unit(value: u64, units: &[(&str, u64)], nothing: &str) -> String {
    let unit = units.iter().find(|(_, factor)| value > 0 && value.is_multiple_of(*factor));
    unit.map_or_else(|| nothing.to_owned(), |(name, factor)| format!("{}{name}", value / factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_shown_as_they_are_written() {
        for text in ["0s", "1ms", "1500ms", "30s", "10m", "24h", "25h", "7d"] {
            let shown = Duration::parse(text).unwrap().show();
            assert_eq!(shown, if text == "24h" { "1d" } else { text });
        }
        for text in ["0B", "1B", "1536KiB", "64MiB", "64GiB", "2TiB"] {
            assert_eq!(Bytes::parse(text).unwrap().show(), text);
        }
        assert_eq!(Bytes::parse("64 MiB"), Some(Bytes(64 << 20)));
        for text in ["", "30", "s", "-1s", "1.5s", "30 sec", "99999999999999999999s", "18446744073709551615d"] {
            assert_eq!(Duration::parse(text), None, "{text}");
        }
    }

    #[test]
    fn addresses_are_plain() {
        assert_eq!(Origin::parse("https://rowcast.example/").unwrap().0, "https://rowcast.example");
        assert!(Origin::parse("http://[::1]:8080").is_some());
        for text in
            ["rowcast.example", "https://", "https://u:p@host", "https://host/path", "ftp://host", "https://a b"]
        {
            assert_eq!(Origin::parse(text), None, "{text}");
        }
        assert!(Arn::parse("arn:aws:iam::123456789012:role/rowcast").is_some());
        assert!(Arn::parse("arn:aws:sts::123456789012:assumed-role/a/b").is_some());
        for text in ["arn:aws:iam::1234:role/x", "arn:aws:s3:::bucket", "role/rowcast", "arn:aws:iam::123456789012:"] {
            assert_eq!(Arn::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_cap_may_be_unlimited_and_a_rate_has_whole_seconds() {
        assert_eq!(Cap::<u32>::parse("unlimited"), Some(Cap(None)));
        assert_eq!(Cap::<u32>::parse("7"), Some(Cap(Some(7))));
        assert_eq!(Rate::parse("600/1m").unwrap().show(), "600/1m");
        for text in ["600", "0/1m", "1/0s", "1/1500ms", "1/2d", "x/1m"] {
            assert_eq!(Rate::parse(text), None, "{text}");
        }
    }
}
