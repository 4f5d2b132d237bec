//! A connection URL, taken apart. No message repeats any part of it but parameter names: it may hold a password.

use crate::Error;

/// What a URL says. Nothing in it is checked for meaning yet.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) host: Option<String>,
    pub(super) port: Option<String>,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) database: Option<String>,
    pub(super) tls: Option<String>,
    pub(super) connect_timeout: Option<String>,
    pub(super) application_name: Option<String>,
}

/// `postgres://user:password@host:port/database?parameter=value&...`
pub(super) fn parse(url: &str) -> Result<Parts, Error> {
    let url = url.trim();
    let rest = ["postgres://", "postgresql://"].iter().find_map(|scheme| url.strip_prefix(scheme));
    let rest = rest.ok_or_else(|| wrong("a URL starts with `postgres://` or `postgresql://`"))?;
    if rest.contains('#') {
        return Err(wrong("a `#` in a URL is written %23"));
    }
    let (rest, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (login, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = login.split_once(':').map_or((login, ""), |(user, password)| (user, password));
    let (host, port) = split_host(host)?;
    let mut parts = Parts::default();
    set(&mut parts.user, "user", user)?;
    set(&mut parts.password, "password", password)?;
    set(&mut parts.host, "host", host)?;
    set(&mut parts.port, "port", port)?;
    set(&mut parts.database, "dbname", database)?;
    for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').ok_or_else(|| wrong("a parameter of the URL has no `=`"))?;
        let place = match name {
            "host" => &mut parts.host,
            "port" => &mut parts.port,
            "user" => &mut parts.user,
            "password" => &mut parts.password,
            "dbname" => &mut parts.database,
            "sslmode" => &mut parts.tls,
            "connect_timeout" => &mut parts.connect_timeout,
            "application_name" => &mut parts.application_name,
            other => return Err(unknown(other)),
        };
        set(place, name, value)?;
    }
    Ok(parts)
}

fn split_host(text: &str) -> Result<(&str, &str), Error> {
    if let Some(bracketed) = text.strip_prefix('[') {
        let (host, after) = bracketed.split_once(']').ok_or_else(|| wrong("the `[` of the host has no `]`"))?;
        return match after.strip_prefix(':') {
            Some(port) => Ok((host, port)),
            None if after.is_empty() => Ok((host, "")),
            None => Err(wrong("the `]` of the host is followed by something other than `:port`")),
        };
    }
    let (host, port) = text.split_once(':').unwrap_or((text, ""));
    if port.contains(':') {
        return Err(wrong(
            "an IPv6 address stands in brackets: `[::1]`; `@` and `:` in a password are written %40 and %3A",
        ));
    }
    Ok((host, port))
}

fn set(place: &mut Option<String>, name: &str, encoded: &str) -> Result<(), Error> {
    if encoded.is_empty() {
        return Ok(());
    }
    let value =
        percent_decode(encoded).ok_or_else(|| wrong(&format!("`{name}` of the URL has a broken % sequence")))?;
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(wrong(&format!("`{name}` stands twice in the URL"))),
    }
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let (digits, after) = after.split_first_chunk::<2>()?;
            let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
            bytes.push(u8::try_from(high? * 16 + low?).ok()?);
            rest = after;
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

/// Parameters of libpq that read files, run commands, try many hosts or change what a session means: not for a hosted
/// service. Only these are repeated in the message; another name may be a piece of an unescaped password.
const REFUSED: [&str; 32] = [
    "channel_binding",
    "client_encoding",
    "fallback_application_name",
    "gssdelegation",
    "gssencmode",
    "gsslib",
    "hostaddr",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "load_balance_hosts",
    "options",
    "passfile",
    "replication",
    "require_auth",
    "requirepeer",
    "service",
    "servicefile",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslcert",
    "sslcompression",
    "sslcrl",
    "sslcrldir",
    "sslkey",
    "sslnegotiation",
    "sslpassword",
    "sslrootcert",
    "target_session_attrs",
    "tcp_user_timeout",
];

fn unknown(name: &str) -> Error {
    let name = REFUSED.iter().find(|refused| **refused == name).map_or("PostgreSQL has no such parameter", |name| name);
    wrong(&format!(
        "the URL has a parameter that is not supported: {name}. Supported are host, port, user, password, dbname, sslmode, \
         connect_timeout and application_name; a certificate authority is named in `ca` or `ca_file`"
    ))
}

fn wrong(message: &str) -> Error {
    Error::Settings(message.to_owned())
}
