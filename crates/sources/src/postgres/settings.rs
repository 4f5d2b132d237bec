//! Where a PostgreSQL is and how to reach it, checked.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use domain::egress::{EgressPolicy, parse_host};
use domain::{PostgresSource, TlsMode};

use super::socket::{self, Resolve};
use super::tls::{Authority, Tls};
use super::url::{self, Parts};
use crate::Error;

/// Checked connection settings, secrets included. `Debug` shows no secret.
#[derive(Clone)]
pub struct Settings {
    pub(super) host: Host,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) password: Option<String>,
    pub(super) database: String,
    pub(super) tls: Tls,
    connect_timeout: Duration,
    pub(super) application_name: String,
    pub(super) egress: EgressPolicy,
    pub(super) resolve: Resolve,
    mode: TlsMode,
    needs_ca: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Host {
    Tcp(String),
    /// The folder of the socket.
    Unix(PathBuf),
}

const CONNECT_LIMIT: Duration = Duration::from_secs(10);

impl Settings {
    /// `url` and `password` are the resolved secrets that `source` names. A URL replaces the fields host, port,
    /// database and user; password, tls and ca_file or ca may stand beside it, unless it says them too.
    ///
    /// They may lead to public addresses only, until [`Settings::egress`] says otherwise.
    pub fn new(source: &PostgresSource, url: Option<String>, password: Option<String>) -> Result<Self, Error> {
        let mut parts = match &url {
            Some(url) => {
                refuse_fields(source)?;
                url::parse(url)?
            }
            None => Parts {
                host: source.host.clone(),
                port: source.port.map(|port| port.to_string()),
                user: source.user.clone(),
                database: source.database.clone(),
                ..Parts::default()
            },
        };
        if password.is_some() && parts.password.is_some() {
            return Err(wrong("the password stands both in the URL and beside it; keep one"));
        }
        parts.password = parts.password.or(password);
        if source.tls.is_some() && parts.tls.is_some() {
            return Err(wrong("the TLS mode stands both in the URL (sslmode) and beside it (tls); keep one"));
        }
        let mode = parts.tls.as_deref().map(tls_mode).transpose()?.or(source.tls);
        let settings = Self::from_parts(parts, mode, source.ca_file.is_some())?;
        match &source.ca {
            None => Ok(settings),
            Some(_) if source.ca_file.is_some() => Err(wrong("`ca` stands beside `ca_file`; keep one")),
            Some(pem) => settings.trusting(Authority { field: "ca", pem: pem.as_bytes() }),
        }
    }

    /// Where the connection may lead.
    #[must_use]
    pub fn egress(mut self, policy: EgressPolicy) -> Self {
        self.egress = policy;
        self
    }

    /// Trusts the certificates of a PEM text (the content of `ca_file`) instead of the public ones.
    pub fn trust(self, pem: &[u8]) -> Result<Self, Error> {
        self.trusting(Authority { field: "ca_file", pem })
    }

    fn trusting(mut self, authority: Authority<'_>) -> Result<Self, Error> {
        self.tls = Tls::new(self.mode, Some(authority))?;
        self.needs_ca = false;
        Ok(self)
    }

    /// Where the server is, for people; without secrets.
    pub fn address(&self) -> String {
        match &self.host {
            Host::Tcp(host) if host.contains(':') => format!("[{host}]:{}", self.port),
            Host::Tcp(host) => format!("{host}:{}", self.port),
            Host::Unix(folder) => folder.join(format!(".s.PGSQL.{}", self.port)).display().to_string(),
        }
    }

    pub(super) fn ready(&self) -> Result<(), Error> {
        if self.needs_ca {
            return Err(wrong("`ca_file` is named, and its content was not given"));
        }
        match &self.host {
            Host::Unix(_) if self.egress.check_unix_socket().is_err() => {
                Err(wrong("the host is the path of a Unix socket, and this service connects to none; name a host"))
            }
            Host::Tcp(host) if !self.egress.is_open() => {
                parse_host(host).map(|_host| ()).map_err(|error| Error::Settings(error.to_string()))
            }
            _ => Ok(()),
        }
    }

    /// How long connecting may take. Who connects for many does not wait for one as long as that one likes.
    pub(super) fn connect_limit(&self) -> Duration {
        if self.egress.is_open() { self.connect_timeout } else { self.connect_timeout.min(CONNECT_LIMIT) }
    }

    fn from_parts(parts: Parts, mode: Option<TlsMode>, needs_ca: bool) -> Result<Self, Error> {
        let host = parts.host.filter(|host| !host.is_empty()).ok_or_else(|| wrong("the host is missing"))?;
        if host.contains(',') {
            return Err(wrong("only one host is supported"));
        }
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).map(str::to_owned);
        let host = bracketed.unwrap_or(host);
        let host = if host.starts_with('/') { Host::Unix(PathBuf::from(host)) } else { Host::Tcp(host) };
        let port = match parts.port.as_deref() {
            None => 5432,
            Some(port) => port.parse().map_err(|_error| wrong("the port is not a number from 1 to 65535"))?,
        };
        if port == 0 {
            return Err(wrong("the port is not a number from 1 to 65535"));
        }
        let user = parts.user.filter(|user| !user.is_empty()).ok_or_else(|| wrong("the user is missing"))?;
        let seconds = match parts.connect_timeout.as_deref() {
            None => 10,
            Some(text) => match text.parse::<u64>() {
                Ok(seconds @ 1..=600) => seconds,
                _ => return Err(wrong("connect_timeout is not a number of seconds from 1 to 600")),
            },
        };
        let mode = mode.unwrap_or(match host {
            Host::Tcp(_) => TlsMode::VerifyFull,
            Host::Unix(_) => TlsMode::Disable,
        });
        if matches!(host, Host::Unix(_)) && mode != TlsMode::Disable {
            return Err(wrong("PostgreSQL has no TLS on a Unix socket; set tls to `disable`"));
        }
        Ok(Self {
            host,
            port,
            database: parts.database.unwrap_or_else(|| user.clone()),
            user,
            password: parts.password,
            tls: Tls::new(mode, None)?,
            connect_timeout: Duration::from_secs(seconds),
            application_name: parts.application_name.unwrap_or_else(|| "rowcast".to_owned()),
            egress: EgressPolicy::default(),
            resolve: socket::by_the_system,
            mode,
            needs_ca,
        })
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("address", &self.address())
            .field("user", &self.user)
            .field("database", &self.database)
            .field("tls", &self.mode)
            .finish_non_exhaustive()
    }
}

fn refuse_fields(source: &PostgresSource) -> Result<(), Error> {
    let fields = [
        ("host", source.host.is_some()),
        ("port", source.port.is_some()),
        ("database", source.database.is_some()),
        ("user", source.user.is_some()),
    ];
    match fields.iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((name, _)) => Err(Error::Settings(format!("`{name}` stands beside a URL; give the URL or the fields"))),
    }
}

fn tls_mode(text: &str) -> Result<TlsMode, Error> {
    match text {
        "disable" => Ok(TlsMode::Disable),
        "require" => Ok(TlsMode::Require),
        "verify-full" => Ok(TlsMode::VerifyFull),
        "prefer" | "allow" => Err(wrong(
            "sslmode `prefer` and `allow` fall back to no encryption when someone in between asks for it; use `verify-full`, \
             `require` or, knowingly, `disable`",
        )),
        "verify-ca" => Err(wrong(
            "sslmode `verify-ca` accepts any host that the authority knows; use `verify-full`, with the \
             authority in `ca` or `ca_file`",
        )),
        _ => Err(wrong("sslmode is `disable`, `require` or `verify-full`")),
    }
}

fn wrong(message: &str) -> Error {
    Error::Settings(message.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_does_not_wait_for_a_connection_as_long_as_its_users_like() {
        let limit = |timeout: &str, policy| {
            let url = format!("postgres://u@h/d{timeout}");
            let settings = Settings::new(&PostgresSource::default(), Some(url), None).unwrap();
            settings.egress(policy).connect_limit().as_secs()
        };
        assert_eq!(limit("?connect_timeout=600", EgressPolicy::default()), 10);
        assert_eq!(limit("?connect_timeout=3", EgressPolicy::default()), 3);
        assert_eq!(limit("", EgressPolicy::default()), 10);
        assert_eq!(limit("?connect_timeout=600", EgressPolicy::open()), 600);
    }
}
