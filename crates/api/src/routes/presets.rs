use domain::{Expression, FanOut};
use engine::preset::{self, Preset, PresetMessage};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::extract::{Json, Listed};
use crate::problem::Problem;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_presets))
}

/// A ready message in the shape of another product, and what belongs to it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Preset)]
struct PresetShown {
    #[schema(examples("cloudevents"))]
    id: String,
    title: String,
    description: String,
    /// What the query of the model gives.
    columns: Vec<ExpectedColumn>,
    /// Whether all other columns of the model are sent, too.
    other_columns: bool,
    /// The primary key of the model.
    key: Vec<String>,
    options: Vec<Toggle>,
    /// One for each choice of options; the first has none on.
    messages: Vec<ReadyMessage>,
    /// The column, or the template, that makes the partition key.
    #[schema(value_type = Object)]
    partition_key: Expression,
    triggers: SentChanges,
    /// The array column whose elements make a message each; null where each row makes one.
    #[schema(required)]
    fan_out_column: Option<String>,
}

/// A column that the message of a preset uses.
#[derive(Debug, Serialize, ToSchema)]
struct ExpectedColumn {
    name: String,
    /// As the source names it.
    #[schema(examples("jsonb"))]
    source_type: String,
    /// What it is for.
    holds: String,
}

/// What may be on or off in a preset.
#[derive(Debug, Serialize, ToSchema)]
struct Toggle {
    id: String,
    title: String,
    description: String,
}

/// The message with these options on, and all others off.
#[derive(Debug, Serialize, ToSchema)]
struct ReadyMessage {
    options: Vec<String>,
    /// JSON with holes, for `message.json` of a sync.
    json: String,
}

/// Which changes a preset sends.
#[derive(Debug, Serialize, ToSchema)]
struct SentChanges {
    added: bool,
    changed: bool,
    removed: bool,
}

/// Ready messages to start from
#[utoipa::path(get, path = "/v1/presets", tag = "syncs", responses((status = 200, description = "All of them", body = Listed<PresetShown>)))]
async fn list_presets() -> Result<Json<Listed<PresetShown>>, Problem> {
    let presets = preset::all().map_err(Problem::internal)?;
    Ok(Json(Listed::whole(presets.into_iter().map(PresetShown::from).collect())))
}

impl From<Preset> for PresetShown {
    fn from(preset: Preset) -> Self {
        let messages =
            preset.messages().into_iter().map(|PresetMessage { options, json }| ReadyMessage { options, json });
        Self {
            messages: messages.collect(),
            columns: preset
                .columns
                .into_iter()
                .map(|one| ExpectedColumn {
                    name: one.column.name,
                    source_type: one.column.source_type,
                    holds: one.holds,
                })
                .collect(),
            options: preset
                .options
                .into_iter()
                .map(|one| Toggle { id: one.id, title: one.title, description: one.description })
                .collect(),
            triggers: SentChanges {
                added: preset.triggers.added,
                changed: preset.triggers.changed,
                removed: preset.triggers.removed,
            },
            fan_out_column: preset.fan_out.map(|FanOut { column }| column),
            id: preset.id,
            title: preset.title,
            description: preset.description,
            other_columns: preset.other_columns,
            key: preset.key,
            partition_key: preset.partition_key,
        }
    }
}
