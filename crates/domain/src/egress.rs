//! Where the service may connect to when a tenant names the host.
//!
//! A host is resolved once, every address it resolves to is checked here, and the address that was checked is the one
//! that is connected to. A name says nothing: it may resolve to something else the next time.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use serde::{Deserialize, Serialize};

pub use crate::host::{Host, HostError, parse_host};
pub use crate::network::{Network, NetworkError};

/// By default: public addresses only, and no Unix sockets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EgressPolicy {
    /// Everything may be connected to that is not denied.
    open: bool,
    /// Networks that may be connected to although they are not public.
    allow: Vec<Network>,
    unix_sockets: bool,
    /// Wins over everything else.
    deny: Vec<Denied>,
}

/// `10.1.2.3:5432`, or a network with all its ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Denied {
    network: Network,
    port: Option<u16>,
}

/// For our own logs. A tenant is not told: what is refused and what does not answer must look alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("{address} may not be connected to: {range}. The operator can allow its network")]
    Range { address: SocketAddr, range: &'static str },
    #[error("{0} may not be connected to: the operator denies it")]
    Denied(SocketAddr),
    #[error("Unix sockets may not be connected to. The operator can allow them")]
    UnixSocket,
}

impl EgressPolicy {
    /// Everything is allowed: for a person who works on a machine of their own.
    pub fn open() -> Self {
        Self { open: true, unix_sockets: true, ..Self::default() }
    }

    #[must_use]
    pub fn allow(mut self, network: Network) -> Self {
        self.allow.push(network);
        self
    }

    #[must_use]
    pub fn allow_unix_sockets(mut self) -> Self {
        self.unix_sockets = true;
        self
    }

    /// Denies an address, whatever else allows it: that of our own database. One on this machine's loopback is denied
    /// by all the addresses that lead there.
    #[must_use]
    pub fn deny(mut self, address: SocketAddr) -> Self {
        self.deny.push(Denied::from(address));
        self
    }

    /// Whoever connects may be told what exactly was wrong: there is nobody to keep anything from.
    pub const fn is_open(&self) -> bool {
        self.open
    }

    /// May this address, as it came from resolving a host, be connected to?
    pub fn check(&self, address: SocketAddr) -> Result<(), Refused> {
        let ip = inner(address.ip());
        if self.deny.iter().any(|denied| denied.covers(ip, address.port())) {
            return Err(Refused::Denied(address));
        }
        if self.open {
            return Ok(());
        }
        let refused = |range| Err(Refused::Range { address, range });
        if matches!(address, SocketAddr::V6(address) if address.scope_id() != 0) {
            return refused("it has a zone");
        }
        if self.allow.iter().any(|network| network.contains(ip)) {
            return Ok(());
        }
        match special(ip) {
            Some(range) => refused(range),
            None => Ok(()),
        }
    }

    pub const fn check_unix_socket(&self) -> Result<(), Refused> {
        if self.open || self.unix_sockets { Ok(()) } else { Err(Refused::UnixSocket) }
    }
}

impl Denied {
    fn covers(self, ip: IpAddr, port: u16) -> bool {
        let here = |ip: IpAddr| ip.is_loopback() || ip.is_unspecified();
        let by_address = |ip| self.network.contains(ip) || (self.network.only_loopback() && here(ip));
        self.port.is_none_or(|denied| denied == port) && (by_address(ip) || translated(ip).is_some_and(by_address))
    }
}

impl From<SocketAddr> for Denied {
    fn from(address: SocketAddr) -> Self {
        Self { network: Network::host(inner(address.ip())), port: Some(address.port()) }
    }
}

impl TryFrom<String> for Denied {
    type Error = NetworkError;

    fn try_from(text: String) -> Result<Self, NetworkError> {
        match text.parse::<SocketAddr>() {
            Ok(address) => Ok(Self::from(address)),
            Err(_) => Ok(Self { network: text.parse()?, port: None }),
        }
    }
}

impl From<Denied> for String {
    fn from(denied: Denied) -> Self {
        match (denied.port, denied.network.address()) {
            (Some(port), address) => SocketAddr::new(address, port).to_string(),
            (None, _) => denied.network.to_string(),
        }
    }
}

/// An IPv6 address that only writes down an IPv4 address (mapped, or the older compatible form) is that address.
fn inner(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) if COMPATIBLE.contains(ip) && !v6.is_unspecified() && !v6.is_loopback() => last_v4(v6).into(),
        _ => ip.to_canonical(),
    }
}

/// The IPv4 address that a gateway would turn this one into. Such addresses are refused as ranges; where an operator
/// allows them, what is denied stays denied.
fn translated(ip: IpAddr) -> Option<IpAddr> {
    match ip {
        IpAddr::V6(v6) if NAT64.contains(ip) => Some(last_v4(v6).into()),
        IpAddr::V6(v6) if SIX_TO_FOUR.contains(ip) => {
            let [_, _, a, b, c, d, ..] = v6.octets();
            Some(Ipv4Addr::new(a, b, c, d).into())
        }
        _ => None,
    }
}

const fn last_v4(v6: Ipv6Addr) -> Ipv4Addr {
    let [.., a, b, c, d] = v6.octets();
    Ipv4Addr::new(a, b, c, d)
}

/// Why the address is not a public one.
fn special(ip: IpAddr) -> Option<&'static str> {
    let ranges: &[(Network, &str)] = if ip.is_ipv4() { &V4 } else { &V6 };
    let found = ranges.iter().find(|(network, _)| network.contains(ip)).map(|(_, range)| *range);
    found.or((ip.is_ipv6() && !GLOBAL.contains(ip)).then_some("it is reserved"))
}

/// What is assigned of IPv6 for public use lies in here.
const GLOBAL: Network = Network::v6([0x2000, 0, 0, 0], 3);
const COMPATIBLE: Network = Network::v6([0, 0, 0, 0], 96);
const NAT64: Network = Network::v6([0x64, 0xff9b, 0, 0], 96);
const SIX_TO_FOUR: Network = Network::v6([0x2002, 0, 0, 0], 16);

/// IANA's registry of special-purpose addresses, as of RFC 6890 and later; multicast; what clouds use for themselves.
const V4: [(Network, &str); 17] = [
    (Network::v4([0, 0, 0, 0], 8), "it means this machine"),
    (Network::v4([10, 0, 0, 0], 8), "it is private"),
    (Network::v4([100, 64, 0, 0], 10), "it is shared by a provider's customers"),
    (Network::v4([127, 0, 0, 0], 8), "it is this machine's loopback"),
    (Network::v4([168, 63, 129, 16], 32), "it is a cloud's own service"),
    (Network::v4([169, 254, 0, 0], 16), "it is link-local, as metadata services are"),
    (Network::v4([172, 16, 0, 0], 12), "it is private"),
    (Network::v4([192, 0, 0, 0], 24), "it is reserved for protocols"),
    (Network::v4([192, 0, 2, 0], 24), "it is for documentation"),
    (Network::v4([192, 88, 99, 0], 24), "it is a relay of 6to4"),
    (Network::v4([192, 168, 0, 0], 16), "it is private"),
    (Network::v4([198, 18, 0, 0], 15), "it is for benchmarks"),
    (Network::v4([198, 51, 100, 0], 24), "it is for documentation"),
    (Network::v4([203, 0, 113, 0], 24), "it is for documentation"),
    (Network::v4([224, 0, 0, 0], 4), "it is multicast"),
    (Network::v4([255, 255, 255, 255], 32), "it is broadcast"),
    (Network::v4([240, 0, 0, 0], 4), "it is reserved"),
];

/// The same for IPv6. Whatever is not in `GLOBAL` is refused anyway; those of it are named that people meet.
const V6: [(Network, &str); 14] = [
    (Network::v6([0, 0, 0, 0], 96), "it is this machine itself"),
    (NAT64, "it is translated to IPv4"),
    (Network::v6([0x64, 0xff9b, 1, 0], 48), "it is translated to IPv4"),
    (Network::v6([0x100, 0, 0, 0], 64), "it is discarded"),
    (Network::v6([0x2001, 0, 0, 0], 32), "it is a tunnel of Teredo"),
    (Network::v6([0x2001, 0, 0, 0], 23), "it is reserved for protocols"),
    (Network::v6([0x2001, 0xdb8, 0, 0], 32), "it is for documentation"),
    (SIX_TO_FOUR, "it is a tunnel of 6to4"),
    (Network::v6([0x3fff, 0, 0, 0], 20), "it is for documentation"),
    (Network::v6([0x5f00, 0, 0, 0], 16), "it is for segment routing"),
    (Network::v6([0xfc00, 0, 0, 0], 7), "it is private"),
    (Network::v6([0xfe80, 0, 0, 0], 10), "it is link-local"),
    (Network::v6([0xfec0, 0, 0, 0], 10), "it is site-local"),
    (Network::v6([0xff00, 0, 0, 0], 8), "it is multicast"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(policy: &EgressPolicy, ip: &str) -> bool {
        policy.check(SocketAddr::new(ip.parse().unwrap(), 5432)).is_ok()
    }

    /// First and last address of each range, and whether the addresses just outside are public.
    const RANGES: [(&str, &str, Option<&str>, Option<&str>); 35] = [
        ("0.0.0.0", "0.255.255.255", None, Some("1.0.0.0")),
        ("10.0.0.0", "10.255.255.255", Some("9.255.255.255"), Some("11.0.0.0")),
        ("100.64.0.0", "100.127.255.255", Some("100.63.255.255"), Some("100.128.0.0")),
        ("127.0.0.0", "127.255.255.255", Some("126.255.255.255"), Some("128.0.0.0")),
        ("168.63.129.16", "168.63.129.16", Some("168.63.129.15"), Some("168.63.129.17")),
        ("169.254.0.0", "169.254.255.255", Some("169.253.255.255"), Some("169.255.0.0")),
        ("169.254.169.254", "169.254.169.254", None, None),
        ("172.16.0.0", "172.31.255.255", Some("172.15.255.255"), Some("172.32.0.0")),
        ("192.0.0.0", "192.0.0.255", Some("191.255.255.255"), Some("192.0.1.0")),
        ("192.0.2.0", "192.0.2.255", Some("192.0.1.255"), Some("192.0.3.0")),
        ("192.88.99.0", "192.88.99.255", Some("192.88.98.255"), Some("192.88.100.0")),
        ("192.168.0.0", "192.168.255.255", Some("192.167.255.255"), Some("192.169.0.0")),
        ("198.18.0.0", "198.19.255.255", Some("198.17.255.255"), Some("198.20.0.0")),
        ("198.51.100.0", "198.51.100.255", Some("198.51.99.255"), Some("198.51.101.0")),
        ("203.0.113.0", "203.0.113.255", Some("203.0.112.255"), Some("203.0.114.0")),
        ("224.0.0.0", "239.255.255.255", Some("223.255.255.255"), None),
        ("240.0.0.0", "255.255.255.254", None, None),
        ("255.255.255.255", "255.255.255.255", None, None),
        ("::", "::1", None, None),
        ("::ffff:127.0.0.0", "::ffff:127.255.255.255", Some("::ffff:126.255.255.255"), Some("::ffff:128.0.0.0")),
        ("::10.0.0.0", "::10.255.255.255", Some("::9.255.255.255"), Some("::11.0.0.0")),
        ("64:ff9b::", "64:ff9b::ffff:ffff", None, None),
        ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", None, None),
        ("100::", "100::ffff:ffff:ffff:ffff", None, None),
        ("2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", None, None),
        ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", None, Some("2001:200::")),
        (
            "2001:db8::",
            "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
            Some("2001:db7:ffff:ffff:ffff:ffff:ffff:ffff"),
            Some("2001:db9::"),
        ),
        ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some("2001:ffff::1"), Some("2003::")),
        ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", Some("3ffe:ffff::"), Some("3fff:1000::")),
        ("4000::", "5fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None, None),
        ("5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None, None),
        ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None, None),
        ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None, None),
        ("fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None, None),
        ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None, None),
    ];

    #[test]
    fn each_special_range_is_refused_from_its_first_to_its_last_address_and_no_further() {
        let policy = EgressPolicy::default();
        for (first, last, before, behind) in RANGES {
            for address in [first, last] {
                assert!(!check(&policy, address), "{address}");
            }
            for address in [before, behind].into_iter().flatten() {
                assert!(check(&policy, address), "{address}");
            }
        }
        for public in ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8"] {
            assert!(check(&policy, public), "{public}");
        }
        for reserved in ["1::1", "200::1", "1fff:ffff::", "6000::1", "8000::", "e000::1", "fb00::", "fe00::1"] {
            assert!(!check(&policy, reserved), "{reserved}");
        }
    }

    #[test]
    fn an_ipv4_address_is_refused_however_ipv6_writes_it() {
        let policy = EgressPolicy::default();
        for v4 in ["127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.0.1", "100.64.0.1", "0.0.0.0"] {
            let [a, b, c, d] = v4.parse::<Ipv4Addr>().unwrap().octets();
            for form in ["::ffff:", "::", "64:ff9b::", "64:ff9b:1::"] {
                assert!(!check(&policy, &format!("{form}{v4}")), "{form}{v4}");
            }
            assert!(!check(&policy, &format!("2002:{a:02x}{b:02x}:{c:02x}{d:02x}::1")), "6to4 of {v4}");
        }
    }

    #[test]
    fn an_address_with_a_zone_is_refused() {
        let zoned = |ip: &str| SocketAddr::V6(std::net::SocketAddrV6::new(ip.parse().unwrap(), 5432, 0, 2));
        let allowing = EgressPolicy::default().allow("fe80::/10".parse().unwrap());
        assert!(allowing.check("[fe80::1]:1".parse().unwrap()).is_ok());
        assert!(allowing.check(zoned("fe80::1")).is_err());
        assert!(EgressPolicy::default().check(zoned("2606:4700::1")).is_err());
        assert!(EgressPolicy::open().check(zoned("fe80::1")).is_ok());
    }

    #[test]
    fn an_allowed_network_is_allowed_in_each_form_and_nothing_beside_it() {
        let policy = EgressPolicy::default().allow("10.1.0.0/16".parse().unwrap()).allow("::1".parse().unwrap());
        for (address, allowed) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("::10.1.2.3", true),
            ("10.2.0.0", false),
            ("::1", true),
            ("::", false),
            ("127.0.0.1", false),
            ("64:ff9b::10.1.2.3", false),
            ("8.8.8.8", true),
        ] {
            assert_eq!(check(&policy, address), allowed, "{address}");
        }
        assert!(policy.check_unix_socket().is_err());
        assert!(policy.allow_unix_sockets().check_unix_socket().is_ok());
    }

    #[test]
    fn what_is_denied_is_denied_whatever_allows_it() {
        let all = ["0.0.0.0/0", "::/0"].map(|network| network.parse::<Network>().unwrap());
        let allowing = all.into_iter().fold(EgressPolicy::default(), EgressPolicy::allow);
        for policy in [allowing, EgressPolicy::open()] {
            let policy = policy.deny("203.0.113.5:5432".parse().unwrap()).deny("127.0.0.1:5433".parse().unwrap());
            for (address, allowed) in [
                ("203.0.113.5:5432", false),
                ("203.0.113.5:5433", true),
                ("203.0.113.6:5432", true),
                ("[::ffff:203.0.113.5]:5432", false),
                ("[::203.0.113.5]:5432", false),
                ("[64:ff9b::203.0.113.5]:5432", false),
                ("[2002:cb00:7105::1]:5432", false),
                ("127.0.0.1:5433", false),
                ("127.0.0.2:5433", false),
                ("0.0.0.0:5433", false),
                ("[::1]:5433", false),
                ("[::]:5433", false),
                ("[::ffff:127.9.9.9]:5433", false),
                ("[64:ff9b::127.0.0.1]:5433", false),
                ("127.0.0.1:5432", true),
            ] {
                assert_eq!(policy.check(address.parse().unwrap()).is_ok(), allowed, "{address}");
            }
        }
    }

    #[test]
    fn a_policy_is_written_by_an_operator_and_read_back() {
        let written = r#"{"allow":["10.0.0.0/8","fd00::/8"],"unix_sockets":true,
            "deny":["10.1.2.3:5432","[::1]:5432","10.9.0.0/16"]}"#;
        let policy: EgressPolicy = serde_json::from_str(written).unwrap();
        for (address, allowed) in [("10.1.2.3:5432", false), ("10.1.2.3:1", true), ("10.9.1.1:1", false)] {
            assert_eq!(policy.check(address.parse().unwrap()).is_ok(), allowed, "{address}");
        }
        let again = serde_json::to_string(&policy).unwrap();
        assert!(again.contains(r#""deny":["10.1.2.3:5432","[::1]:5432","10.9.0.0/16"]"#), "{again}");
        assert_eq!(serde_json::from_str::<EgressPolicy>(&again).unwrap(), policy);
        assert_eq!(serde_json::from_str::<EgressPolicy>("{}").unwrap(), EgressPolicy::default());
        for wrong in [r#"{"allow":["10.0.0.1/8"]}"#, r#"{"deny":["localhost:5432"]}"#, r#"{"alow":[]}"#] {
            assert!(serde_json::from_str::<EgressPolicy>(wrong).is_err(), "{wrong}");
        }
    }
}
