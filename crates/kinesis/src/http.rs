//! The HTTP clients under the SDK: which addresses they may connect to, and whom they trust.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_kinesis::config::SharedHttpClient;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns, ResolveDnsError};
use domain::egress::{EgressPolicy, Host, parse_host};

use crate::error::Error;

/// AWS closes a connection that idles for long; one that is closed while a put is written leaves doubt.
const POOL_IDLE: Duration = Duration::from_secs(20);

/// What the names of AWS's own hosts end with.
const OF_AWS: [&str; 8] = [
    "amazonaws.com",
    "amazonaws.com.cn",
    "amazonaws.eu",
    "api.aws",
    "c2s.ic.gov",
    "sc2s.sgov.gov",
    "cloud.adc-e.uk",
    "csp.hci.ic.gov",
];

/// Where calls go, and how they may get there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    plain: bool,
    host: Host,
    port: u16,
}

impl Address {
    /// That of AWS itself: its host is made from the region by the SDK.
    pub(crate) fn of_aws() -> Self {
        Self { plain: false, host: Host::Name("amazonaws.com".to_owned()), port: 443 }
    }

    /// Whether it is one of Kinesis itself: of a region, also with FIPS or dual-stack, or of an endpoint in a VPC. Machines of
    /// customers have names of AWS as well.
    pub(crate) fn is_kinesis(&self) -> bool {
        let Host::Name(name) = &self.host else { return false };
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let service = OF_AWS.iter().find_map(|end| name.strip_suffix(end)?.strip_suffix('.'));
        service.is_some_and(|service| service.split('.').any(|label| label.contains("kinesis")))
    }

    pub(crate) fn parse(endpoint: &str) -> Result<Self, Error> {
        let address = || {
            let (plain, rest) = match endpoint.strip_prefix("http://") {
                Some(rest) => (true, rest),
                None => (false, endpoint.strip_prefix("https://")?),
            };
            let authority = rest.split(['/', '?', '#']).next()?;
            let (host, port) = match authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
                Some((host, port)) => (host, port.parse().ok()?),
                None => (authority, if plain { 80 } else { 443 }),
            };
            // Without brackets a colon would be part of the host.
            let bare_v6 = host.contains(':') && !host.starts_with('[');
            let host = parse_host(host).ok().filter(|_| !bare_v6)?;
            Some(Self { plain, host, port })
        };
        address().ok_or_else(|| {
            let what =
                format!("the endpoint `{endpoint}` is not an address: write it as https://HOST or http://HOST:PORT");
            Error::Settings { what }
        })
    }

    /// A client that connects only to addresses that the policy allows.
    pub(crate) fn client(&self, egress: &EgressPolicy) -> Result<SharedHttpClient, Error> {
        // Nobody resolves an address, so the resolver would not see it.
        if let Host::Address(ip) = self.host {
            egress.check(SocketAddr::new(ip, self.port)).map_err(|refused| {
                tracing::warn!(%refused, "an endpoint is refused by the egress policy");
                Error::EndpointRefused
            })?;
        }
        let tls = Builder::new()
            .pool_idle_timeout(POOL_IDLE)
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(trusted(self.plain)?);
        Ok(tls.build_with_resolver(Resolver { egress: Arc::new(egress.clone()), port: self.port }))
    }
}

/// A client for the service's own credentials, which come from places that no tenant names.
pub(crate) fn unrestricted() -> Result<SharedHttpClient, Error> {
    Address::of_aws().client(&EgressPolicy::open())
}

fn trusted(plain: bool) -> Result<TlsContext, Error> {
    // A machine without certificates can still speak plain HTTP; the TLS layer would panic or refuse everyone.
    let store = if plain {
        TrustStore::empty()
    } else if rustls_native_certs::load_native_certs().certs.is_empty() {
        return Err(Error::NoCertificates);
    } else {
        TrustStore::default()
    };
    let context = TlsContext::builder().with_trust_store(store).build();
    context.map_err(|error| Error::Settings { what: format!("TLS cannot be set up: {error}") })
}

/// Resolves as the machine does, and leaves out what may not be connected to. What it returns is what is connected to:
/// nobody resolves a second time.
#[derive(Debug, Clone)]
struct Resolver {
    egress: Arc<EgressPolicy>,
    port: u16,
}

impl ResolveDns for Resolver {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        DnsFuture::new(async move {
            let found = tokio::net::lookup_host((name, self.port)).await.map_err(ResolveDnsError::new)?;
            let allowed: Vec<IpAddr> = found.filter(|address| self.allows(name, *address)).map(|it| it.ip()).collect();
            if allowed.is_empty() {
                return Err(ResolveDnsError::new("no address of this host may be connected to"));
            }
            Ok(allowed)
        })
    }
}

impl Resolver {
    fn allows(&self, name: &str, address: SocketAddr) -> bool {
        let checked = self.egress.check(address);
        if let Err(refused) = checked {
            tracing::warn!(name, %refused, "an address of an endpoint is refused by the egress policy");
        }
        checked.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinesis_itself_answers_at_its_own_names_alone() {
        let is_kinesis = |endpoint: &str| Address::parse(endpoint).unwrap().is_kinesis();
        for aws in [
            "https://kinesis.eu-west-1.amazonaws.com",
            "https://vpce-0a1b2c3d-4e5f.kinesis.eu-west-1.vpce.amazonaws.com",
            "https://kinesis-fips.us-east-1.api.aws",
            "https://Kinesis.cn-north-1.AmazonAWS.com.cn.",
        ] {
            assert!(is_kinesis(aws), "{aws}");
        }
        for other in [
            "http://127.0.0.1:4567",
            "http://kinesis:4566",
            "http://ec2-203-0-113-7.compute-1.amazonaws.com:4566",
            "https://kinesis.notamazonaws.com",
            "https://kinesis.api.aws.example",
        ] {
            assert!(!is_kinesis(other), "{other}");
        }
    }

    #[test]
    fn an_endpoint_is_a_scheme_a_host_and_perhaps_a_port() {
        let parsed = |text: &str| Address::parse(text).ok().map(|address| (address.plain, address.port));
        assert_eq!(parsed("https://kinesis.eu-west-1.amazonaws.com"), Some((false, 443)));
        assert_eq!(parsed("http://127.0.0.1:4567/"), Some((true, 4567)));
        assert_eq!(parsed("http://[::1]:80"), Some((true, 80)));
        assert_eq!(parsed("http://[::1]"), Some((true, 80)));
        for wrong in [
            "kinesis.local",
            "http://",
            "ftp://host",
            "http://a b",
            "http://user@host",
            "http://host:port",
            "http://::1",
            "http://127.1",
            "http://2130706433",
            "http://0x7f.1",
        ] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
    }

    #[tokio::test]
    async fn names_are_checked_by_the_addresses_they_resolve_to() {
        let resolver = |egress| Resolver { egress: Arc::new(egress), port: 443 };
        assert!(resolver(EgressPolicy::default()).resolve_dns("localhost").await.is_err());
        let local = "127.0.0.0/8".parse().unwrap();
        let allowed = resolver(EgressPolicy::default().allow(local)).resolve_dns("localhost").await.unwrap();
        assert!(!allowed.is_empty() && allowed.iter().all(|ip| ip.is_ipv4() && ip.is_loopback()), "{allowed:?}");
    }
}
