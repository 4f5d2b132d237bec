//! What a configuration must hold to, beyond its shape. Each problem is a sentence that names the field.

use crate::config::{Destination, Guards, Limits, Model, PostgresSource, Secret, Sync, TlsMode};
use crate::egress::{EgressPolicy, parse_host};

const MIB: usize = 1 << 20;

/// The longest name of a user or database that PostgreSQL keeps whole.
const LONGEST_NAME: usize = 63;
/// Some hundred certificates.
const LONGEST_CA: usize = 256 << 10;

impl PostgresSource {
    /// What a source of the service must hold to: it names nothing of the machine that the service runs on.
    pub fn problems(&self, egress: &EgressPolicy) -> Vec<String> {
        let mut out = Vec::new();
        let secrets = [("url", &self.url), ("password", &self.password)];
        for (name, _) in secrets.iter().filter(|(_, secret)| matches!(secret, Some(Secret::Env(_) | Secret::File(_)))) {
            out.push(format!("source.{name} names a variable or a file; give the value itself, it is kept sealed"));
        }
        let fields = [("host", &self.host), ("user", &self.user), ("database", &self.database)];
        for (name, text) in fields {
            match text.as_deref() {
                Some(_) if self.url.is_some() => out.push(format!("source.{name} stands beside source.url; keep one")),
                None if self.url.is_some() => {}
                None | Some("") => out.push(format!("source.{name} is missing")),
                Some(text) if text.contains('\0') => out.push(format!("source.{name} holds a NUL character")),
                Some(text) if name == "host" => out.extend(host_problem(text, egress)),
                Some(text) if text.len() > LONGEST_NAME => out.push(format!(
                    "source.{name} has {} bytes; names of PostgreSQL have {LONGEST_NAME} at most",
                    text.len()
                )),
                Some(_) => {}
            }
        }
        match self.port {
            Some(_) if self.url.is_some() => out.push("source.port stands beside source.url; keep one".to_owned()),
            Some(0) => out.push("source.port is 0; ports are 1 to 65535".to_owned()),
            _ => {}
        }
        out.extend(self.authority_problem());
        out
    }

    fn authority_problem(&self) -> Option<String> {
        let unchecked = matches!(self.tls, Some(TlsMode::Disable | TlsMode::Require));
        let problem = match &self.ca {
            _ if self.ca_file.is_some() => "source.ca_file names a file; give the certificates themselves as source.ca",
            Some(_) if unchecked => "source.ca has no effect: only with tls `verify-full` are certificates checked",
            Some(ca) if ca.len() > LONGEST_CA => "source.ca is too long; give the authorities of this server alone",
            Some(ca) if !ca.contains("-----BEGIN CERTIFICATE-----") => {
                "source.ca holds no certificate; give it as PEM, `-----BEGIN CERTIFICATE-----` first"
            }
            _ => return None,
        };
        Some(problem.to_owned())
    }
}

fn host_problem(host: &str, egress: &EgressPolicy) -> Option<String> {
    if host.starts_with('/') {
        let refused = egress.check_unix_socket().err()?;
        return Some(format!("source.host is a path: {refused}; name a host"));
    }
    if egress.is_open() {
        return None;
    }
    parse_host(host).err().map(|error| format!("source.host: {error}"))
}

impl Model {
    pub fn problems(&self) -> Vec<String> {
        let mut out = Vec::new();
        if self.key.is_empty() {
            out.push("model.key names no column: a primary key is what tells rows apart".to_owned());
        }
        let twice = self.key.iter().enumerate().find(|(at, name)| self.key[..*at].contains(name));
        if let Some((_, name)) = twice {
            out.push(format!("model.key names the column `{name}` twice"));
        }
        if self.query.contains('\0') {
            out.push("model.query holds a NUL character, which PostgreSQL does not take".to_owned());
        }
        if !(1..=Self::MOST_CONNECTIONS).contains(&self.connections) {
            out.push(format!(
                "model.connections is {}; a model is read through 1 to {} connections",
                self.connections,
                Self::MOST_CONNECTIONS
            ));
        }
        out
    }
}

impl Destination {
    pub fn problems(&self) -> Vec<String> {
        let authority = |url: &str| {
            let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
            rest.split(['/', '?', '#']).next().unwrap_or_default().to_owned()
        };
        if self.endpoint.as_deref().is_some_and(|endpoint| authority(endpoint).contains('@')) {
            return vec![
                "destination.endpoint holds a user or password; write the address alone, and `credentials` beside it"
                    .to_owned(),
            ];
        }
        Vec::new()
    }
}

impl Sync {
    pub fn problems(&self) -> Vec<String> {
        let Guards { removed_percent, .. } = self.guards;
        let Limits { record_bytes, call_bytes, call_records } = self.limits;
        let mut out = Vec::new();
        if !(0.0..=100.0).contains(&removed_percent) {
            out.push(format!("sync.guards.removed_percent is {removed_percent}; it is a share from 0 to 100"));
        }
        let sizes = [("record_bytes", record_bytes), ("call_bytes", call_bytes)];
        for (name, bytes) in sizes.into_iter().filter(|(_, bytes)| !(1..=10 * MIB).contains(bytes)) {
            out.push(format!("sync.limits.{name} is {bytes}; Kinesis takes 1 to {} bytes", 10 * MIB));
        }
        if !(1..=500).contains(&call_records) {
            out.push(format!("sync.limits.call_records is {call_records}; Kinesis takes 1 to 500 records a call"));
        }
        let least = Limits::AGGREGATED_BYTES;
        if self.aggregate && (record_bytes < least || call_bytes < least) {
            let name = if record_bytes < least { "record_bytes" } else { "call_bytes" };
            out.push(format!(
                "sync.limits.{name} is less than the {least} bytes that a record takes in which messages share \
                 (sync.aggregate); raise it, or leave sync.aggregate out"
            ));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        if self.stream.is_empty() || self.stream.len() > 128 || !self.stream.chars().all(allowed) {
            out.push("sync.stream is not the name of a stream: 1 to 128 letters, digits, `_`, `.` and `-`".to_owned());
        }
        out
    }
}

impl Limits {
    /// Data and partition key, of which the latter alone may take 256 bytes.
    pub const RECORD_BYTES_MIN: usize = 256;
    pub const CALL_BYTES_MIN: usize = 1_024;

    /// What works, and serves nobody. Said where a sync is written; one that is stored goes on.
    pub fn useless(&self) -> Vec<String> {
        let Self { record_bytes, call_bytes, .. } = *self;
        let mut out = Vec::new();
        if record_bytes < Self::RECORD_BYTES_MIN {
            let least = Self::RECORD_BYTES_MIN;
            out.push(format!("sync.limits.record_bytes is {record_bytes}; at least {least} bytes are expected"));
        }
        if call_bytes < Self::CALL_BYTES_MIN {
            let least = Self::CALL_BYTES_MIN;
            out.push(format!("sync.limits.call_bytes is {call_bytes}; at least {least} bytes are expected"));
        } else if call_bytes < record_bytes {
            out.push(format!(
                "sync.limits.call_bytes is {call_bytes}, and one record may take {record_bytes} (record_bytes); a call has to \
                 take at least one record"
            ));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> PostgresSource {
        let text = |text: &str| Some(text.to_owned());
        PostgresSource {
            host: text("db.example.com"),
            port: Some(5432),
            user: text("reader"),
            database: text("shop"),
            ..PostgresSource::default()
        }
    }

    #[test]
    fn records_in_which_messages_share_need_room() {
        let sync = |aggregate: bool, limits: Limits| Sync {
            limits,
            aggregate,
            ..serde_json::from_value(serde_json::json!({
                "stream": "s", "message": {"json": "{}"}, "partition_key": {"column": "id"}
            }))
            .unwrap()
        };
        let small = Limits { record_bytes: 1_000, ..Limits::default() };
        assert_eq!(sync(true, Limits::default()).problems(), Vec::<String>::new());
        assert_eq!(sync(false, small).problems(), Vec::<String>::new());
        let problems = sync(true, small).problems();
        assert!(problems.len() == 1 && problems[0].starts_with("sync.limits.record_bytes"), "{problems:?}");
        let problems = sync(true, Limits { call_bytes: 2_000, ..Limits::default() }).problems();
        assert!(problems.len() == 1 && problems[0].starts_with("sync.limits.call_bytes"), "{problems:?}");
    }

    #[test]
    fn a_source_of_the_service_names_nothing_of_its_machine() {
        let service = EgressPolicy::default();
        assert_eq!(good().problems(&service), Vec::<String>::new());
        let by_url = PostgresSource {
            url: Some(Secret::Stored(crate::SecretId::from_uuid(uuid::Uuid::nil()))),
            ..PostgresSource::default()
        };
        assert_eq!(by_url.problems(&service), Vec::<String>::new());
        let text = |text: &str| Some(text.to_owned());
        let pem = "-----BEGIN CERTIFICATE-----";
        for (source, problem) in [
            (PostgresSource { host: None, ..good() }, "source.host is missing"),
            (PostgresSource { user: text(""), ..good() }, "source.user is missing"),
            (PostgresSource { database: None, ..good() }, "source.database is missing"),
            (PostgresSource { host: text("a\0b"), ..good() }, "source.host holds a NUL"),
            (PostgresSource { user: text("a\0b"), ..good() }, "source.user holds a NUL"),
            (PostgresSource { database: text(&"d".repeat(64)), ..good() }, "source.database has 64 bytes"),
            (PostgresSource { port: Some(0), ..good() }, "source.port is 0"),
            (PostgresSource { host: text("/run/postgresql"), ..good() }, "source.host is a path"),
            (PostgresSource { host: text("127.1"), ..good() }, "looks like a number"),
            (PostgresSource { host: text("a,b"), ..good() }, "source.host: the host is not a name"),
            (PostgresSource { password: Some(Secret::Env("HOME".to_owned())), ..good() }, "source.password names"),
            (
                PostgresSource { url: Some(Secret::File("/etc/passwd".to_owned())), ..PostgresSource::default() },
                "source.url names",
            ),
            (PostgresSource { host: text("h"), ..by_url.clone() }, "source.host stands beside"),
            (PostgresSource { port: Some(1), ..by_url }, "source.port stands beside"),
            (PostgresSource { ca_file: text("/etc/ca.pem"), ..good() }, "source.ca_file names a file"),
            (PostgresSource { ca: text("garbage"), ..good() }, "source.ca holds no certificate"),
            (PostgresSource { ca: text(&pem.repeat(20_000)), ..good() }, "source.ca is too long"),
            (PostgresSource { ca: text(pem), tls: Some(TlsMode::Require), ..good() }, "source.ca has no effect"),
        ] {
            let problems = source.problems(&service);
            assert!(problems.len() == 1 && problems[0].contains(problem), "{problem}: {problems:?}");
        }
        let socket = PostgresSource { host: text("/run/postgresql"), ..good() };
        assert_eq!(socket.problems(&service.allow_unix_sockets()), Vec::<String>::new());
    }
}
