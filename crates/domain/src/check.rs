//! What a configuration must hold to, beyond its shape. Each problem is a sentence that names the field.

use crate::config::{Destination, Guards, Limits, Model, Sync};

const MIB: usize = 1 << 20;

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
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        if self.stream.is_empty() || self.stream.len() > 128 || !self.stream.chars().all(allowed) {
            out.push("sync.stream is not the name of a stream: 1 to 128 letters, digits, `_`, `.` and `-`".to_owned());
        }
        out
    }
}
