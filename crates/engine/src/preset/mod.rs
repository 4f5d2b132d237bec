//! Ready messages in the shapes that other products send: to take, and to change. Each is a JSON file that describes it,
//! and a template beside it.

use domain::{Column, Expression, FanOut, Triggers};
use serde::Deserialize;

/// What a sync takes from it, and what its model has to give.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    pub id: String,
    pub title: String,
    pub description: String,
    /// What the query names so, with `AS` where a table calls it otherwise.
    pub columns: Vec<PresetColumn>,
    /// Whether the message has all other columns of the model, too.
    pub other_columns: bool,
    /// The primary key of the model.
    pub key: Vec<String>,
    pub options: Vec<PresetOption>,
    pub partition_key: Expression,
    pub triggers: Triggers,
    #[serde(default)]
    pub fan_out: Option<FanOut>,
    /// A template in which a line that begins as `[one other] ` is there with any of these options only.
    #[serde(skip)]
    source: &'static str,
}

#[derive(Debug, Clone, Deserialize)]
pub struct PresetColumn {
    #[serde(flatten)]
    pub column: Column,
    /// What for; sentences.
    pub holds: String,
}

/// What may be on or off.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PresetOption {
    pub id: String,
    pub title: String,
    pub description: String,
}

/// The message with these options on, and all others off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresetMessage {
    pub options: Vec<String>,
    /// JSON with holes, for `message.json` of a sync.
    pub json: String,
}

macro_rules! file {
    ($id:literal) => {
        (include_str!(concat!($id, ".json")), include_str!(concat!($id, ".template")))
    };
}

const FILES: [(&str, &str); 6] = [
    file!("adobe-profile"),
    file!("data-activation"),
    file!("netmera-event"),
    file!("lytics-trigger"),
    file!("cloudevents"),
    file!("change-envelope"),
];

/// All there are. A test reads them, so there is no error in a program that passed it.
pub fn all() -> Result<Vec<Preset>, serde_json::Error> {
    let read = |(about, source)| Ok(Preset { source, ..serde_json::from_str(about)? });
    FILES.into_iter().map(read).collect()
}

impl Preset {
    /// One for each choice of options; the first has none.
    pub fn messages(&self) -> Vec<PresetMessage> {
        let choices = 1_usize << self.options.len();
        (0..choices).map(|choice| self.message(choice)).collect()
    }

    /// `choice`: a bit for each option.
    fn message(&self, choice: usize) -> PresetMessage {
        let on = self.options.iter().enumerate().filter(|(at, _)| (choice >> at) & 1 == 1);
        let options: Vec<String> = on.map(|(_, option)| option.id.clone()).collect();
        let lines: Vec<&str> = self.source.lines().filter_map(|line| chosen(line, &options)).collect();
        PresetMessage { json: lines.join("\n"), options }
    }
}

/// The line without its condition, if that is met.
fn chosen<'a>(line: &'a str, options: &[String]) -> Option<&'a str> {
    match line.strip_prefix('[').and_then(|line| line.split_once(']')) {
        Some((any, rest)) => any.split(' ').any(|one| options.iter().any(|on| on == one)).then_some(rest),
        None => Some(line),
    }
}
