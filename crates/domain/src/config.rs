//! What a user writes: source, model, destination, sync. Unknown fields are refused, secrets are only named.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::SeqAccessDeserializer;
use serde::de::{self, IntoDeserializer, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::SecretId;
use crate::run::Change;

/// Where a secret is found. The value itself is never part of a configuration, and what stands in its place by mistake
/// is never part of an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Secret {
    /// The name of an environment variable.
    Env(String),
    /// The path of a file; one trailing newline is dropped.
    File(String),
    /// A sealed value of the service's own database.
    Stored(SecretId),
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const WANTED: &str = "a secret is named, not written: `{ env: NAME }` or `{ file: /path }`";
        let wrong = |_| serde::de::Error::custom(WANTED);
        let named = BTreeMap::<String, String>::deserialize(deserializer).map_err(wrong)?;
        let mut named = named.into_iter();
        match (named.next(), named.next()) {
            (Some((kind, name)), None) if kind == "env" => Ok(Self::Env(name)),
            (Some((kind, path)), None) if kind == "file" => Ok(Self::File(path)),
            (Some((kind, id)), None) if kind == "stored" => {
                id.parse().map(Self::Stored).map_err(|_| serde::de::Error::custom(WANTED))
            }
            _ => Err(serde::de::Error::custom(WANTED)),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    Postgres(PostgresSource),
}

/// Either `url`, or the fields. Only these parameters exist; a URL may name no others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresSource {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<Secret>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// Default: `verify-full`, or `disable` for a Unix socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsMode>,
    /// A PEM file with the certificates to trust instead of the public ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
    /// The same certificates, written out as PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsMode {
    Disable,
    /// Encrypted, but whoever answers is trusted.
    Require,
    /// Encrypted, and the certificate must be valid for the host.
    VerifyFull,
}

/// A query and its primary key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    pub query: String,
    pub key: Vec<String>,
    /// Through how many connections at once the model is read. Each runs the whole query.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub connections: u32,
}

impl Model {
    /// What a source lends to one model at most.
    pub const MOST_CONNECTIONS: u32 = 16;
}

const fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_one(connections: &u32) -> bool {
    *connections == 1
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    pub region: String,
    /// Another address than that of AWS; for simulators and private endpoints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    pub credentials: Credentials,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Credentials {
    AccessKey {
        access_key_id: Secret,
        secret_access_key: Secret,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session_token: Option<Secret>,
    },
    /// A role of the user's account that trusts the service, on condition of the workspace's external id.
    Role { role_arn: String },
    /// The service's own identity, as the default chain of the AWS SDK finds it, where the operator allows it.
    DefaultChain {},
}

/// A model to a stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sync {
    pub stream: String,
    pub message: Message,
    pub partition_key: Expression,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash_key: Option<Expression>,
    /// One message for each element of an array column, instead of one for each row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fan_out: Option<FanOut>,
    #[serde(default)]
    pub triggers: Triggers,
    #[serde(default)]
    pub first_run: FirstRun,
    #[serde(default)]
    pub watch: Watch,
    #[serde(default)]
    pub values: KeepValues,
    /// How numbers of a column are written in messages.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub numbers: BTreeMap<String, NumberForm>,
    /// What a name that nothing is known of means in a template.
    #[serde(default)]
    pub missing: Missing,
    #[serde(default)]
    pub guards: Guards,
    #[serde(default)]
    pub limits: Limits,
    /// Messages share records, in the format of the Kinesis Producer Library; consumers have to take these apart.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub aggregate: bool,
    #[serde(default)]
    pub log: Log,
}

/// A column, or a template that gives text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expression {
    Column(String),
    Template(String),
}

/// What makes several messages of one row. Each element of the column is a unit of its own: it is added, changed and
/// removed, and its message sees it as `element`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FanOut {
    /// A column that holds an array: an array of SQL, or one of the type json or jsonb.
    pub column: String,
}

/// The three ways to compose a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// A JSON text with holes.
    Json(String),
    /// A column that already holds the JSON.
    Column(String),
    Fields(Mapping),
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Mapping {
    /// The word `all`: each column of the model a member of the same name.
    All(AllColumns),
    Fields(Vec<MappedField>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AllColumns {
    All,
}

/// Read by way of `WrittenField`, which refuses unknown fields; a flattened enum cannot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "WrittenField")]
pub struct MappedField {
    /// The path in the message; dots nest, `\.` is a dot.
    pub to: String,
    #[serde(flatten)]
    pub from: MappedValue,
    /// What becomes of the member if the value is null.
    #[serde(default, skip_serializing_if = "NullForm::is_default")]
    pub null: NullForm,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NullForm {
    /// The member is there, and null.
    #[default]
    Send,
    /// The member is left out.
    Omit,
}

impl NullForm {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MappedValue {
    Column(String),
    Constant(serde_json::Value),
    /// A template; its output is a JSON string.
    Template(String),
    /// A JSON text with holes.
    Json(String),
}

/// By hand, so that an error in a field is told as it is, and not as "no variant matches".
impl<'de> Deserialize<'de> for Mapping {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;

        impl<'de> Visitor<'de> for Written {
            type Value = Mapping;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the word `all`, or a list of fields")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<Mapping, E> {
                AllColumns::deserialize(word.into_deserializer()).map(Mapping::All)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, fields: A) -> Result<Mapping, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(fields)).map(Mapping::Fields)
            }
        }

        deserializer.deserialize_any(Written)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenField {
    to: String,
    column: Option<String>,
    /// None where it is not written: a constant may be null.
    #[serde(default, deserialize_with = "present")]
    constant: Option<serde_json::Value>,
    template: Option<String>,
    json: Option<String>,
    #[serde(default)]
    null: NullForm,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<serde_json::Value>, D::Error> {
    serde_json::Value::deserialize(deserializer).map(Some)
}

impl TryFrom<WrittenField> for MappedField {
    type Error = String;

    fn try_from(written: WrittenField) -> Result<Self, String> {
        let WrittenField { to, column, constant, template, json, null } = written;
        let from = match (column, constant, template, json) {
            (Some(column), None, None, None) => MappedValue::Column(column),
            (None, Some(constant), None, None) => MappedValue::Constant(constant),
            (None, None, Some(template), None) => MappedValue::Template(template),
            (None, None, None, Some(json)) => MappedValue::Json(json),
            _ => {
                return Err(format!(
                    "the field `{to}` needs exactly one of `column`, `constant`, `template` and `json`"
                ));
            }
        };
        Ok(Self { to, from, null })
    }
}

/// Which changes are sent. One that is off is acknowledged without sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Triggers {
    pub added: bool,
    pub changed: bool,
    pub removed: bool,
}

impl Default for Triggers {
    fn default() -> Self {
        Self { added: true, changed: true, removed: true }
    }
}

impl Triggers {
    pub const fn on(self, change: Change) -> bool {
        match change {
            Change::Added => self.added,
            Change::Changed => self.changed,
            Change::Removed => self.removed,
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FirstRun {
    #[default]
    SendAll,
    OnlyFuture,
}

/// Whose changes count as a change of the row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Watch {
    /// The columns that message, partition key and hash key use.
    #[default]
    Used,
    All,
    Columns(Vec<String>),
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeepValues {
    /// The acknowledged values of all columns that the sync uses.
    #[default]
    Used,
    /// Only key values: `previous` and `changed_columns` are null, a removal carries the key alone.
    HashesOnly,
}

/// What a name that nothing is known of means in a template.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// The template is refused when it is saved, unless it says that the name may be missing.
    #[default]
    Error,
    Null,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NumberForm {
    /// A JSON number with every digit.
    Number,
    /// A JSON string.
    String,
}

/// What needs a person's consent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Guards {
    /// Removals above this share of the snapshot ...
    pub removed_percent: f64,
    /// ... and above this many ask; 0 to 100, and a count. The same pair holds for keys that became invalid.
    pub removed_more_than: u64,
}

impl Default for Guards {
    fn default() -> Self {
        Self { removed_percent: 20.0, removed_more_than: 100 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Data and partition key of one record; the stream may allow up to 10 MiB.
    pub record_bytes: usize,
    /// All records of one PutRecords call.
    pub call_bytes: usize,
    pub call_records: usize,
}

impl Limits {
    /// What a record takes at most in which messages share: one payload unit.
    pub const AGGREGATED_BYTES: usize = 25 << 10;
}

impl Default for Limits {
    fn default() -> Self {
        Self { record_bytes: 1 << 20, call_bytes: 5 << 20, call_records: 500 }
    }
}

/// What the debug log keeps of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    pub rows: LoggedRows,
    /// Of which calls the request and the answer are kept whole.
    pub bodies: LoggedBodies,
    /// With `failures`: besides, those of one in so many calls in which nothing failed; 0 for none of them.
    pub sample: u32,
}

impl Default for Log {
    fn default() -> Self {
        Self { rows: LoggedRows::Full, bodies: LoggedBodies::Failures, sample: 100 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoggedRows {
    /// What became of each row, its values and its message.
    Full,
    /// What became of each row.
    Outcomes,
    /// Nothing of rows; calls are logged all the same.
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoggedBodies {
    None,
    /// Of calls that failed, or some of whose records did; and of a sample of the others.
    Failures,
    All,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields(written: &str) -> Result<Mapping, String> {
        serde_json::from_str(written).map_err(|error| error.to_string())
    }

    #[test]
    fn a_mapping_reads_back_what_it_writes_and_keeps_numbers_exact() {
        let written = r#"[{"to":"a.b","column":"x"},{"to":"n","constant":null},
            {"to":"c","constant":{"id":9007199254740993123456789.50}},{"to":"t","template":"{{ row.x }}"}]"#;
        let mapping = fields(written).unwrap();
        let Mapping::Fields(list) = &mapping else { panic!("{mapping:?}") };
        assert_eq!(list[1].from, MappedValue::Constant(json!(null)));
        let again = serde_json::to_string(&mapping).unwrap();
        assert!(again.contains(r#"{"to":"c","constant":{"id":9007199254740993123456789.50}}"#), "{again}");
        assert_eq!(fields(&again).unwrap(), mapping);
        assert_eq!(fields("\"all\"").unwrap(), Mapping::All(AllColumns::All));
        assert_eq!(serde_json::to_string(&Mapping::All(AllColumns::All)).unwrap(), "\"all\"");
    }

    #[test]
    fn a_wrong_mapping_is_refused_with_a_reason() {
        for (written, reason) in [
            (r#"[{"to":"a","colum":"x"}]"#, "unknown field `colum`"),
            (r#"[{"to":"a"}]"#, "exactly one of"),
            (r#"[{"to":"a","column":"x","template":"y"}]"#, "the field `a` needs exactly one of"),
            (r#"[{"column":"x"}]"#, "missing field `to`"),
            ("\"every\"", "expected `all`"),
            ("5", "the word `all`, or a list of fields"),
        ] {
            let error = fields(written).unwrap_err();
            assert!(error.contains(reason), "{written}: {error}");
        }
    }
}
