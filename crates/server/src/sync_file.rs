//! The YAML file that describes a sync for `rowcast run` and `rowcast preview`.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use store::Definition;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the sync file {path} cannot be read: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("the sync file {path} is not valid:\n{message}")]
    Parse { path: PathBuf, message: String },
    #[error("the sync file {path} is not valid:\n  {}", .problems.join("\n  "))]
    Problems { path: PathBuf, problems: Vec<String> },
    #[error("the name of the sync in {path} has to be 1 to 100 characters, without control characters")]
    Name { path: PathBuf },
}

#[derive(Debug)]
pub(crate) struct SyncFile {
    pub(crate) name: String,
    pub(crate) definition: Definition,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    source: domain::Source,
    model: domain::Model,
    destination: domain::Destination,
    sync: domain::Sync,
}

impl SyncFile {
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        Self::parse(path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, Error> {
        let path = || path.to_owned();
        let written: Written =
            serde_saphyr::from_str(text).map_err(|e| Error::Parse { path: path(), message: plain(&e) })?;
        let length = written.name.chars().count();
        if length == 0 || length > 100 || written.name.chars().any(char::is_control) {
            return Err(Error::Name { path: path() });
        }
        let Written { name, source, model, destination, sync } = written;
        let problems = [model.problems(), destination.problems(), sync.problems()].concat();
        if !problems.is_empty() {
            return Err(Error::Problems { path: path(), problems });
        }
        Ok(Self { name, definition: Definition { source, model, destination, sync } })
    }
}

/// The message with line and column, without an excerpt: the file may hold by mistake what nobody should read.
fn plain(error: &serde_saphyr::Error) -> String {
    error.without_snippet().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"
name: customers
source:
  postgres:
    url: { env: SHOP_DATABASE_URL }
model:
  query: |
    select id, email, name, balance from customers
  key: [id]
destination:
  region: eu-central-1
  endpoint: http://127.0.0.1:4567
  credentials:
    access_key:
      access_key_id: { env: AWS_ACCESS_KEY_ID }
      secret_access_key: { env: AWS_SECRET_ACCESS_KEY }
sync:
  stream: shop-customers
  message:
    json: |
      { "op": {{ op }}, "id": {{ row.id }} }
  partition_key: { column: id }
  triggers: { removed: false }
  numbers: { balance: number }
"#;

    fn parse(text: &str) -> Result<SyncFile, Error> {
        SyncFile::parse(Path::new("customers.yaml"), text)
    }

    #[test]
    fn a_whole_file_is_read() {
        let file = parse(WHOLE).unwrap();
        assert_eq!(file.name, "customers");
        assert_eq!(file.definition.model.key, ["id"]);
        assert!(file.definition.sync.triggers.added && !file.definition.sync.triggers.removed);
        let stored = serde_json::to_string(&file.definition).unwrap();
        assert_eq!(serde_json::from_str::<Definition>(&stored).unwrap(), file.definition);
    }

    #[test]
    fn the_field_mapper_is_read_and_stored_exactly() {
        let fields = r#"
    fields:
      - { to: customer.id, column: id }
      - { to: source, constant: "shop" }
      - { to: big, constant: 12345678901234567890.5 }
      - { to: label, template: "{{ row.name }} <{{ row.email }}>" }
"#;
        let json = WHOLE.find("    json: |").unwrap();
        let key = WHOLE.find("  partition_key:").unwrap();
        let text = format!("{}{}{}", &WHOLE[..json], fields.trim_start_matches('\n'), &WHOLE[key..]);
        let file = parse(&text).unwrap();
        let stored = serde_json::to_string(&file.definition).unwrap();
        assert_eq!(serde_json::from_str::<Definition>(&stored).unwrap(), file.definition);
        let all = text.replace(fields.trim_start_matches('\n'), "    fields: all\n");
        parse(&all).unwrap();
    }

    #[test]
    fn a_mistake_is_named_with_its_line() {
        let error = parse(&WHOLE.replace("  stream:", "  streem:")).unwrap_err().to_string();
        assert!(error.contains("streem") && error.contains("customers.yaml"), "{error}");
        assert!(error.contains("line"), "{error}");
        for (good, bad, word) in [
            ("[id]", "[]", "model.key"),
            ("[id]", "[id, id]", "twice"),
            ("http://127.0.0.1:4567", "http://u:hush@127.0.0.1:4567", "destination.endpoint"),
            ("triggers: { removed: false }", "limits: { call_records: 501 }", "call_records"),
            ("triggers: { removed: false }", "guards: { removed_percent: -5 }", "removed_percent"),
            ("stream: shop-customers", "stream: \"a b\"", "sync.stream"),
        ] {
            let error = parse(&WHOLE.replace(good, bad)).unwrap_err().to_string();
            assert!(error.contains(word) && !error.contains("hush"), "{error}");
        }
    }

    #[test]
    fn p5_a_secret_written_into_the_file_is_refused_and_not_repeated() {
        for (good, bad) in [
            ("{ env: SHOP_DATABASE_URL }", "postgres://u:hush@host/db"),
            ("{ env: AWS_SECRET_ACCESS_KEY }", "hush"),
            ("{ env: AWS_SECRET_ACCESS_KEY }", "{ value: hush }"),
            ("{ env: AWS_SECRET_ACCESS_KEY }", "[hush]"),
        ] {
            let error = parse(&WHOLE.replace(good, bad)).unwrap_err().to_string();
            assert!(error.contains("{ env: NAME }") && !error.contains("hush"), "{error}");
        }
    }
}
