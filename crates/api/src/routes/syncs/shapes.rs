//! The shapes of `domain`'s types, which know nothing of OpenAPI.
#![expect(dead_code, reason = "they stand in the document only")]

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// How the body of a record is made.
#[derive(Serialize, ToSchema)]
#[schema(as = Message)]
#[serde(rename_all = "snake_case")]
pub(super) enum MessageShape {
    /// A JSON text with holes such as `{{ row.email }}`.
    Json(String),
    /// A column of the type json, jsonb or text that already holds the JSON.
    Column(String),
    Fields(MappingShape),
}

/// `all`: each column a member of the same name. Or a list of members.
#[derive(Serialize, ToSchema)]
#[schema(as = Mapping)]
#[serde(untagged)]
pub(super) enum MappingShape {
    All(AllShape),
    Fields(Vec<FieldShape>),
}

#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AllColumns)]
#[serde(rename_all = "kebab-case")]
pub(in crate::routes) enum AllShape {
    All,
}

/// Exactly one of `column`, `constant`, `template` and `json`.
#[derive(Serialize, ToSchema)]
#[schema(as = MappedField)]
pub(super) struct FieldShape {
    /// The path in the message; dots nest, `\.` is a dot.
    to: String,
    #[schema(nullable = false)]
    column: Option<String>,
    #[schema(required = false)]
    constant: Value,
    /// Its output is a JSON string.
    #[schema(nullable = false)]
    template: Option<String>,
    /// A JSON text with holes.
    #[schema(nullable = false)]
    json: Option<String>,
    #[schema(required = false)]
    null: NullFormShape,
}

/// What becomes of the member if the value is null; `send` if nothing is said.
#[derive(Serialize, ToSchema)]
#[schema(as = NullForm)]
#[serde(rename_all = "kebab-case")]
pub(super) enum NullFormShape {
    /// The member is there, and null.
    Send,
    /// The member is left out.
    Omit,
}

/// A column, or a template that gives text.
#[derive(Serialize, ToSchema)]
#[schema(as = Expression)]
#[serde(rename_all = "snake_case")]
pub(super) enum ExpressionShape {
    Column(String),
    Template(String),
}

/// Which changes are sent. One that is off is acknowledged without sending.
#[derive(Serialize, ToSchema)]
#[schema(as = Triggers)]
pub(super) struct TriggersShape {
    #[schema(required = false, default = true)]
    added: bool,
    #[schema(required = false, default = true)]
    changed: bool,
    #[schema(required = false, default = true)]
    removed: bool,
}

#[derive(Serialize, ToSchema)]
#[schema(as = FirstRun)]
#[serde(rename_all = "kebab-case")]
pub(super) enum FirstRunShape {
    SendAll,
    OnlyFuture,
}

/// Whose changes count as a change of the row.
#[derive(Serialize, ToSchema)]
#[schema(as = Watch)]
#[serde(rename_all = "kebab-case")]
pub(super) enum WatchShape {
    /// The columns that message, partition key and hash key use.
    Used,
    All,
    Columns(Vec<String>),
}

#[derive(Serialize, ToSchema)]
#[schema(as = KeepValues)]
#[serde(rename_all = "kebab-case")]
pub(super) enum KeepValuesShape {
    /// The acknowledged values of all columns that the sync uses.
    Used,
    /// Only key values: `previous` and `changed_columns` are null, a removal carries the key alone.
    HashesOnly,
}

#[derive(Serialize, ToSchema)]
#[schema(as = NumberForm)]
#[serde(rename_all = "kebab-case")]
pub(super) enum NumberFormShape {
    /// A JSON number with every digit.
    Number,
    /// A JSON string.
    String,
}

/// Each element of the column is a unit of its own: it is added, changed and removed, and its message sees it as `element`.
#[derive(Serialize, ToSchema)]
#[schema(as = FanOut)]
pub(super) struct FanOutShape {
    /// A column of an array type, or of the type json or jsonb that holds an array. A null element, one that occurs twice or
    /// more than 10,000 of them make the row invalid.
    #[schema(examples("tags"))]
    column: String,
}

/// What a name that nothing is known of means in a template.
#[derive(Serialize, ToSchema)]
#[schema(as = Missing)]
#[serde(rename_all = "kebab-case")]
pub(super) enum MissingShape {
    /// The template is refused when it is saved, unless it says that the name may be missing.
    Error,
    Null,
}

pub(super) type NumbersShape = BTreeMap<String, NumberFormShape>;

/// What needs a person's consent: removals, or keys that became invalid, above both.
#[derive(Serialize, ToSchema)]
#[schema(as = Guards)]
pub(super) struct GuardsShape {
    /// Of the snapshot.
    #[schema(required = false, minimum = 0, maximum = 100, default = 20)]
    removed_percent: f64,
    #[schema(required = false, default = 100)]
    removed_more_than: u64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Limits)]
pub(super) struct LimitsShape {
    /// Data and partition key of one record.
    #[schema(required = false, minimum = 256, maximum = 10_485_760, default = 1_048_576)]
    record_bytes: usize,
    /// All records of one PutRecords call; at least `record_bytes`.
    #[schema(required = false, minimum = 1_024, maximum = 10_485_760, default = 5_242_880)]
    call_bytes: usize,
    #[schema(required = false, minimum = 1, maximum = 500, default = 500)]
    call_records: usize,
}

/// What the debug log keeps of a run, for as many days as the workspace says. About what it costs: a row's outcome takes some 60
/// to 100 bytes of storage, its values and message what they take compressed.
#[derive(Serialize, ToSchema)]
#[schema(as = Log)]
pub(super) struct LogShape {
    #[schema(required = false)]
    rows: LoggedRowsShape,
    #[schema(required = false)]
    bodies: LoggedBodiesShape,
    /// With `failures`: besides, the bodies of one in so many calls in which nothing failed; 0 for none of them.
    #[schema(required = false, minimum = 0, maximum = 10_000, default = 100)]
    sample: u32,
}

/// What the log says of rows; `full` if nothing is said.
#[derive(Serialize, ToSchema)]
#[schema(as = LoggedRows)]
#[serde(rename_all = "kebab-case")]
pub(super) enum LoggedRowsShape {
    /// What became of each row, its values and its message.
    Full,
    /// What became of each row.
    Outcomes,
    /// Nothing; calls are logged all the same.
    None,
}

/// Of which calls request and answer are kept whole; `failures` if nothing is said. Credentials never are.
#[derive(Serialize, ToSchema)]
#[schema(as = LoggedBodies)]
#[serde(rename_all = "kebab-case")]
pub(super) enum LoggedBodiesShape {
    None,
    /// Of calls that failed, or some of whose records did; and of a sample of the others.
    Failures,
    All,
}

/// When the sync runs by itself.
#[derive(Serialize, ToSchema)]
#[schema(as = Schedule)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(super) enum ScheduleShape {
    /// Only when someone asks for a run.
    Manual,
    /// Each so many minutes, hours or days of 24 hours, counted from when the schedule was set; at most 366 days.
    Interval {
        #[schema(minimum = 1)]
        every: u32,
        unit: UnitShape,
    },
    /// Five fields, read in an IANA time zone.
    Cron {
        #[schema(examples("0 9 * * 1-5"))]
        expression: String,
        #[schema(examples("Europe/Berlin"))]
        time_zone: String,
    },
}

#[derive(Serialize, ToSchema)]
#[schema(as = Unit)]
#[serde(rename_all = "kebab-case")]
pub(super) enum UnitShape {
    Minutes,
    Hours,
    Days,
}
