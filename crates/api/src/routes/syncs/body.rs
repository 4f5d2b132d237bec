//! A sync as it comes in and as it goes out.

use std::collections::BTreeMap;

use domain::{DestinationId, Millis, ModelId};
use schedule::Plan;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{NewSync, SyncDetails, Ticks};
use utoipa::ToSchema;

use super::check;
use super::shapes::{
    ExpressionShape, FanOutShape, FirstRunShape, GuardsShape, KeepValuesShape, LimitsShape, LogShape, MessageShape,
    MissingShape, NumbersShape, ScheduleShape, TriggersShape, WatchShape,
};
use super::uses::{self, Uses};
use super::when::ScheduleBody;
use crate::extract::{Name, StreamName, Timestamp};
use crate::routes::models::{reference, unknown_reference};
use crate::routes::runs::RunStateName;
use crate::{Caller, Problem, clock};

/// So many of the next times of a schedule are shown.
pub(in crate::routes) const NEXT: usize = 5;

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::routes) struct Sync {
    #[schema(examples("syn_0190b3f0c4d27c3e9a51f2b8d6e07a14"))]
    id: String,
    name: String,
    /// The id of the model.
    model: String,
    /// The id of the destination.
    destination: String,
    stream: String,
    #[schema(value_type = MessageShape)]
    message: domain::Message,
    #[schema(value_type = ExpressionShape)]
    partition_key: domain::Expression,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ExpressionShape>)]
    hash_key: Option<domain::Expression>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<FanOutShape>)]
    fan_out: Option<domain::FanOut>,
    #[schema(value_type = TriggersShape)]
    triggers: domain::Triggers,
    #[schema(value_type = FirstRunShape)]
    first_run: domain::FirstRun,
    #[schema(value_type = WatchShape)]
    watch: domain::Watch,
    #[schema(value_type = KeepValuesShape)]
    values: domain::KeepValues,
    #[schema(value_type = NumbersShape)]
    numbers: BTreeMap<String, domain::NumberForm>,
    #[schema(value_type = MissingShape)]
    missing: domain::Missing,
    #[schema(value_type = GuardsShape)]
    guards: domain::Guards,
    #[schema(value_type = LimitsShape)]
    limits: domain::Limits,
    aggregate: bool,
    #[schema(value_type = LogShape)]
    log: domain::Log,
    /// Which columns it uses; not in lists, and not if what is stored does not compile any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    uses: Option<Uses>,
    #[schema(value_type = ScheduleShape)]
    schedule: domain::Schedule,
    /// When it runs next by its schedule.
    #[schema(required)]
    next_fire_at: Option<Timestamp>,
    /// The next times of its schedule; not in lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    next_fires: Vec<Timestamp>,
    /// Ticks that made no run, because one waited already or the service was down.
    skipped_ticks: u64,
    paused: bool,
    /// Why no run may start before `decide_after_restore`.
    #[schema(required)]
    held: Option<String>,
    /// What changed since the last run and has to be answered with `answer_question` before the next one sends.
    #[schema(required, value_type = Option<Object>)]
    question: Option<Value>,
    /// Rises when model, source, destination or configuration change what is sent.
    version: u32,
    /// The version whose changes a finished run took up last.
    #[schema(required)]
    accepted_version: Option<u32>,
    first_run_done: bool,
    #[schema(required)]
    newest_run: Option<NewestRun>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
struct NewestRun {
    id: String,
    #[schema(value_type = RunStateName)]
    state: domain::RunState,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SyncBody {
    name: Name,
    /// The id of a model of this workspace.
    model: String,
    /// The id of a destination of this workspace.
    destination: String,
    stream: StreamName,
    #[schema(value_type = MessageShape)]
    message: domain::Message,
    /// Should follow from the primary key, so that the versions of a row stay in order.
    #[schema(value_type = ExpressionShape)]
    partition_key: domain::Expression,
    /// In place of the hash of the partition key.
    #[schema(value_type = Option<ExpressionShape>)]
    hash_key: Option<domain::Expression>,
    /// One message for each element of an array column; without it, one for each row.
    #[schema(value_type = Option<FanOutShape>)]
    fan_out: Option<domain::FanOut>,
    #[serde(default)]
    #[schema(value_type = TriggersShape)]
    triggers: domain::Triggers,
    /// Default: `send-all`.
    #[serde(default)]
    #[schema(value_type = FirstRunShape)]
    first_run: domain::FirstRun,
    /// Default: `used`.
    #[serde(default)]
    #[schema(value_type = WatchShape)]
    watch: domain::Watch,
    /// Default: `used`.
    #[serde(default)]
    #[schema(value_type = KeepValuesShape)]
    values: domain::KeepValues,
    /// How numbers of a column are written in messages.
    #[serde(default)]
    #[schema(value_type = NumbersShape)]
    numbers: BTreeMap<String, domain::NumberForm>,
    /// What a name that nothing is known of means in a template. Default: `error`.
    #[serde(default)]
    #[schema(value_type = MissingShape)]
    missing: domain::Missing,
    #[serde(default)]
    #[schema(value_type = GuardsShape)]
    guards: domain::Guards,
    #[serde(default)]
    #[schema(value_type = LimitsShape)]
    limits: domain::Limits,
    /// Messages share records of up to 25 KiB, in the format of the Kinesis Producer Library (KPL aggregation), where they surely
    /// belong to one shard. More than 1,000 of them a second fit into a shard then, and they cost less; but every consumer has to
    /// take such records apart. The client library of Kinesis (KCL) and Firehose do; a function of Lambda needs a library for
    /// it, and whoever calls GetRecords sees binary data.
    #[serde(default)]
    aggregate: bool,
    #[serde(default)]
    #[schema(value_type = LogShape)]
    log: domain::Log,
    /// Default: manual.
    #[serde(default)]
    #[schema(value_type = ScheduleShape)]
    schedule: ScheduleBody,
}

/// What a body says of messages: all that rendering one needs.
pub(super) struct Written {
    pub(super) name: String,
    pub(super) model: String,
    pub(super) config: domain::Sync,
}

impl SyncBody {
    /// Destination and schedule are left out: no message depends on them.
    pub(super) fn written(self) -> Written {
        let (name, model) = (self.name.as_str().to_owned(), self.model.clone());
        Written { name, model, config: self.config().0 }
    }

    fn config(self) -> (domain::Sync, ScheduleBody) {
        let config = domain::Sync {
            stream: self.stream.as_str().to_owned(),
            message: self.message,
            partition_key: self.partition_key,
            hash_key: self.hash_key,
            fan_out: self.fan_out,
            triggers: self.triggers,
            first_run: self.first_run,
            watch: self.watch,
            values: self.values,
            numbers: self.numbers,
            missing: self.missing,
            guards: self.guards,
            limits: self.limits,
            aggregate: self.aggregate,
            log: self.log,
        };
        (config, self.schedule)
    }

    pub(super) async fn checked(self, caller: &Caller) -> Result<NewSync, Problem> {
        let model = model_of(caller, &self.model, "/model").await?.id;
        let destination = destination_of(caller, &self.destination).await?;
        let name = self.name.as_str().to_owned();
        let (config, schedule) = self.config();
        let mut faults = check::faults(&config);
        match schedule.plan() {
            Ok((schedule, plan)) if faults.is_empty() => {
                let anchor = clock::now();
                let ticks = Ticks { next_fire_at: plan.next(anchor, anchor), schedule, anchor };
                return Ok(NewSync { name, model, destination, config, ticks });
            }
            Ok(_) => {}
            Err(fault) => faults.push(fault.under("/schedule")),
        }
        Err(Problem::faults(faults))
    }
}

pub(super) async fn model_of(caller: &Caller, id: &str, pointer: &str) -> Result<store::Model, Problem> {
    match caller.scope.model(reference::<ModelId>(id, pointer, "model")?).await {
        Err(store::Error::NotFound { .. }) => Err(unknown_reference(pointer, "model")),
        found => Ok(found?),
    }
}

async fn destination_of(caller: &Caller, id: &str) -> Result<DestinationId, Problem> {
    let id = reference::<DestinationId>(id, "/destination", "destination")?;
    match caller.scope.destination(id).await {
        Ok(_) => Ok(id),
        Err(store::Error::NotFound { .. }) => Err(unknown_reference("/destination", "destination")),
        Err(error) => Err(error.into()),
    }
}

/// The first tick after now: none of the past is caught up.
pub(super) fn next_fire(sync: &SyncDetails) -> Option<Millis> {
    Plan::new(&sync.ticks.schedule).ok()?.next(clock::now(), sync.ticks.anchor)
}

/// With the next times of its schedule and the columns that it uses, which take a moment to find.
pub(super) async fn whole(caller: &Caller, sync: SyncDetails) -> Result<Sync, Problem> {
    let key = caller.scope.model(sync.model).await?.config.key;
    let uses = uses::uses(&sync.config, &key);
    let plan = Plan::new(&sync.ticks.schedule).ok().filter(|_| !sync.paused);
    let anchor = sync.ticks.anchor;
    let next = plan.map(|plan| plan.ticks(clock::now(), anchor).take(NEXT).map(Timestamp).collect());
    Ok(Sync { next_fires: next.unwrap_or_default(), uses, ..Sync::from(sync) })
}

impl From<SyncDetails> for Sync {
    fn from(sync: SyncDetails) -> Self {
        let config = sync.config;
        Self {
            id: sync.id.to_string(),
            name: sync.name,
            model: sync.model.to_string(),
            destination: sync.destination.to_string(),
            stream: config.stream,
            message: config.message,
            partition_key: config.partition_key,
            hash_key: config.hash_key,
            fan_out: config.fan_out,
            triggers: config.triggers,
            first_run: config.first_run,
            watch: config.watch,
            values: config.values,
            numbers: config.numbers,
            missing: config.missing,
            guards: config.guards,
            limits: config.limits,
            aggregate: config.aggregate,
            log: config.log,
            uses: None,
            schedule: sync.ticks.schedule,
            next_fire_at: sync.ticks.next_fire_at.filter(|_| !sync.paused).map(Timestamp),
            next_fires: Vec::new(),
            skipped_ticks: sync.skipped_ticks,
            paused: sync.paused,
            held: sync.held,
            question: sync.question,
            version: sync.version,
            accepted_version: sync.accepted_version,
            first_run_done: sync.first_run_done,
            newest_run: sync.newest_run.map(|run| NewestRun { id: run.id.to_string(), state: run.state }),
            created_at: sync.created_at.into(),
            updated_at: sync.updated_at.into(),
        }
    }
}
