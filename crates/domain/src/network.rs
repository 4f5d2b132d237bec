//! A block of IP addresses, as people write it: `10.0.0.0/8`, `2001:db8::/32`, or one address alone.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    #[error(
        "`{0}` is not a network: write an address and the length of its prefix, such as `10.0.0.0/8` or `fd00::/8`"
    )]
    Form(String),
    #[error("`{written}` has bits behind its prefix: write `{meant}` for the network, or the address alone")]
    HostBits { written: String, meant: Network },
}

impl Network {
    pub(crate) const fn v4([a, b, c, d]: [u8; 4], prefix: u8) -> Self {
        Self { address: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), prefix }
    }

    /// From the first four groups of an address; all others are zero.
    pub(crate) const fn v6([a, b, c, d]: [u16; 4], prefix: u8) -> Self {
        Self { address: IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)), prefix }
    }

    /// One address. An IPv4 address in IPv6 form is taken as the IPv4 address.
    pub fn host(address: IpAddr) -> Self {
        let address = address.to_canonical();
        Self { address, prefix: width(address) }
    }

    /// Networks of IPv4 hold IPv4 addresses only, those of IPv6 only IPv6 addresses.
    pub fn contains(&self, address: IpAddr) -> bool {
        let differing = match (self.address, address) {
            (IpAddr::V4(_), IpAddr::V4(_)) | (IpAddr::V6(_), IpAddr::V6(_)) => bits(self.address) ^ bits(address),
            _ => return false,
        };
        // A prefix of nothing shifts everything out.
        differing.checked_shr(128 - u32::from(self.prefix)).unwrap_or(0) == 0
    }

    pub(crate) const fn address(&self) -> IpAddr {
        self.address
    }

    pub(crate) fn only_loopback(&self) -> bool {
        self.address.is_loopback() && (self.address.is_ipv6() || self.prefix >= 8)
    }
}

/// The bits of the address, first ones first.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    }
}

const fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// The address with nothing behind the prefix.
fn first(address: IpAddr, prefix: u8) -> IpAddr {
    let kept = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
    match address {
        IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() & u32::try_from(kept >> 96).unwrap_or(u32::MAX)).into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & kept).into(),
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let wrong = || NetworkError::Form(text.to_owned());
        let Some((address, prefix)) = text.split_once('/') else {
            return Ok(Self::host(text.parse().map_err(|_error| wrong())?));
        };
        let address: IpAddr = address.parse().map_err(|_error| wrong())?;
        let digits = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix: u8 = if digits { prefix.parse().map_err(|_error| wrong())? } else { return Err(wrong()) };
        if prefix > width(address) {
            return Err(wrong());
        }
        let meant = first(address, prefix);
        if meant != address {
            let meant = Self { address: meant, prefix };
            return Err(NetworkError::HostBits { written: text.to_owned(), meant });
        }
        // Addresses are judged by the IPv4 address that they hold, so a network of such addresses is one of IPv4.
        Ok(match (address, address.to_canonical()) {
            (IpAddr::V6(_), inner @ IpAddr::V4(_)) if prefix >= 96 => Self { address: inner, prefix: prefix - 96 },
            _ => Self { address, prefix },
        })
    }
}

impl TryFrom<String> for Network {
    type Error = NetworkError;

    fn try_from(text: String) -> Result<Self, NetworkError> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_reads_back_what_it_writes() {
        for (written, shown) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("::/0", "::/0"),
            ("192.168.7.9", "192.168.7.9/32"),
            ("fd00::/8", "fd00::/8"),
            ("::1", "::1/128"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("::ffff:10.1.2.3", "10.1.2.3/32"),
        ] {
            let network: Network = written.parse().unwrap();
            assert_eq!(network.to_string(), shown);
            let json = serde_json::to_string(&network).unwrap();
            assert_eq!(serde_json::from_str::<Network>(&json).unwrap(), network);
        }
    }

    #[test]
    fn what_is_no_network_is_refused_with_a_reason() {
        for (written, reason) in [
            ("", "not a network"),
            ("10.0.0.0/33", "not a network"),
            ("10.0.0.0/+8", "not a network"),
            ("10.0.0.0/", "not a network"),
            ("10/8", "not a network"),
            ("010.0.0.0/8", "not a network"),
            ("localhost", "not a network"),
            ("fe80::1%eth0", "not a network"),
            ("fd00::/129", "not a network"),
            ("10.0.0.1/8", "write `10.0.0.0/8`"),
            ("fd00::1/8", "write `fd00::/8`"),
        ] {
            let error = written.parse::<Network>().unwrap_err().to_string();
            assert!(error.contains(reason), "{written}: {error}");
        }
    }

    #[test]
    fn a_network_ends_where_its_prefix_ends() {
        let network: Network = "10.16.0.0/12".parse().unwrap();
        for (address, inside) in [
            ("10.15.255.255", false),
            ("10.16.0.0", true),
            ("10.31.255.255", true),
            ("10.32.0.0", false),
            ("::ffff:10.16.0.0", false),
        ] {
            assert_eq!(network.contains(address.parse().unwrap()), inside, "{address}");
        }
        assert!("0.0.0.0/0".parse::<Network>().unwrap().contains("255.0.0.1".parse().unwrap()));
    }
}
