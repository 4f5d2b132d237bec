//! The host of an address, told apart as everyone who resolves it must: an IP address, or a name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    Address(IpAddr),
    /// In lower case as DNS compares it, perhaps with a dot at its end.
    Name(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    #[error("the host is missing")]
    Missing,
    #[error("the host looks like a number: an IPv4 address is written as four decimal numbers, such as 203.0.113.7")]
    Numeric,
    #[error("the host is an IPv6 address with a zone (`%`), which means something on one machine only")]
    Zone,
    #[error(
        "the host is not a name: it has up to 253 letters, digits, hyphens and dots, up to 63 between two dots; other \
         letters are written in their xn-- form"
    )]
    Name,
}

/// Only the strict forms are addresses: four decimal numbers without leading zeros, and IPv6, brackets around it allowed.
/// What the C library would take for an address in another spelling (`127.1`, `0x7f.1`, `2130706433`, `0177.0.0.1`) is
/// refused, so that nobody who reads the host later can see an address in a name.
pub fn parse_host(text: &str) -> Result<Host, HostError> {
    if text.is_empty() {
        return Err(HostError::Missing);
    }
    let bracketed = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    if let Some(inner) = bracketed.or_else(|| text.contains(':').then_some(text)) {
        return match inner.parse::<Ipv6Addr>() {
            Ok(address) => Ok(Host::Address(address.into())),
            Err(_) if inner.contains('%') => Err(HostError::Zone),
            Err(_) => Err(HostError::Name),
        };
    }
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return Ok(Host::Address(address.into()));
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    if name.len() > 253 || !name.split('.').all(label) {
        return Err(HostError::Name);
    }
    match name.rsplit('.').next() {
        Some(last) if number(last) => Err(HostError::Numeric),
        _ => Ok(Host::Name(text.to_ascii_lowercase())),
    }
}

/// Underscores are no letters of a host name, and stand in many names of private networks.
fn label(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=63).contains(&text.len()) && text.bytes().all(known) && !text.starts_with('-') && !text.ends_with('-')
}

/// A text whose last part is a number is read as an address by many. No top-level domain is a number.
fn number(label: &str) -> bool {
    let hex = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    match hex {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_strict_form() {
        for (text, address) in [
            ("127.0.0.1", "127.0.0.1"),
            ("::1", "::1"),
            ("[::1]", "::1"),
            ("::ffff:127.0.0.1", "::ffff:127.0.0.1"),
            ("[2001:DB8::7]", "2001:db8::7"),
            ("0:0:0:0:0:0:0:1", "::1"),
        ] {
            assert_eq!(parse_host(text), Ok(Host::Address(address.parse().unwrap())), "{text}");
        }
    }

    #[test]
    fn other_spellings_of_addresses_are_neither_address_nor_name() {
        for text in [
            "127.1",
            "127.0.1",
            "2130706433",
            "017700000001",
            "0x7f000001",
            "0X7F000001",
            "0x7f.1",
            "0x7f.0.0.0x1",
            "0177.0.0.1",
            "127.0.0.01",
            "127.0.0.1.",
            "0",
            "0x",
            "256.0.0.1",
            "1.2.3.4.5",
            "99999999999999999999",
            "db.example.1",
            "db.example.0x1f",
        ] {
            assert_eq!(parse_host(text), Err(HostError::Numeric), "{text}");
        }
    }

    #[test]
    fn a_name_is_letters_digits_hyphens_and_dots() {
        for text in [
            "localhost",
            "db.example.com",
            "db.example.com.",
            "my_db",
            "1a2b",
            "3.example",
            "xn--bcher-kva.example",
            "0xg",
        ] {
            assert_eq!(parse_host(text), Ok(Host::Name(text.to_owned())), "{text}");
        }
        assert_eq!(parse_host("DB.Example"), Ok(Host::Name("db.example".to_owned())));
        let long = ["a".repeat(64), format!("{}.example", vec!["a".repeat(60); 5].join("."))];
        let wrong = [
            ".",
            "a..b",
            ".a",
            "-a",
            "a-",
            "a b",
            " 127.0.0.1",
            "127.0.0.1 ",
            "127.0.0.1\0",
            "a/b",
            "/run/postgresql",
            "a@b",
            "a,b",
            "b\u{fc}cher.example",
            "\u{ff11}27.0.0.1",
            "127\u{3002}0.0.1",
            "127.0.0.1:5432",
            "[::1",
            "::1]",
            "[127.0.0.1]",
            "[localhost]",
            "1::2::3",
            "::127.1",
            "::ffff:0177.0.0.1",
            "a\tb",
            "a%00b",
        ];
        for text in wrong.into_iter().chain(long.iter().map(String::as_str)) {
            assert_eq!(parse_host(text), Err(HostError::Name), "{text}");
        }
        assert_eq!(parse_host("fe80::1%eth0"), Err(HostError::Zone));
        assert_eq!(parse_host("[fe80::1%25eth0]"), Err(HostError::Zone));
        assert_eq!(parse_host(""), Err(HostError::Missing));
    }
}
