//! The page of the documentation, whose part of each preset is made from it.

use std::fmt::Write;

use domain::Expression;
use engine::preset::{self, Preset};

use crate::golden::data;
use crate::{compare, name};

const PAGE: &str = "../../web/docs/presets.md";
const START: &str = "<!-- From here on made by the test. -->\n";

#[test]
fn the_page_shows_every_preset_with_what_it_gives() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = std::fs::read_to_string(path).unwrap();
    let (head, _) = page.split_once(START).unwrap();
    let mut out = format!("{head}{START}");
    for preset in preset::all().unwrap() {
        section(&preset, &mut out);
    }
    compare(PAGE, &out);
}

fn section(preset: &Preset, out: &mut String) {
    writeln!(out, "\n## {}\n\n`{}`. {}\n", preset.title, preset.id, preset.description).unwrap();
    writeln!(out, "| column | type | what for |\n|---|---|---|").unwrap();
    for column in &preset.columns {
        writeln!(out, "| `{}` | {} | {} |", column.column.name, column.column.source_type, column.holds).unwrap();
    }
    if preset.other_columns {
        writeln!(out, "| any other | any | Sent as it is, under its own name. |").unwrap();
    }
    writeln!(out, "\n{}", settings(preset)).unwrap();
    for option in &preset.options {
        writeln!(out, "\n**{}** (`{}`): {}", option.title, option.id, option.description).unwrap();
    }
    let messages = preset.messages();
    writeln!(out, "\n```template\n{}\n```", messages[0].json).unwrap();
    // The first option alone shows what all of them can add.
    for message in messages.iter().take(2) {
        for case in ["added", "changed", "removed"] {
            if !message.options.is_empty() && case != "changed" {
                continue;
            }
            let on = [preset.triggers.added, preset.triggers.changed, preset.triggers.removed];
            if !on[["added", "changed", "removed"].iter().position(|one| *one == case).unwrap()] {
                continue;
            }
            let with =
                if message.options.is_empty() { String::new() } else { format!(", `{}`", name(preset, message)) };
            writeln!(out, "\nA row that was {case}{with}:\n\n```json\n{}\n```", data(preset, message, case)).unwrap();
        }
    }
}

fn settings(preset: &Preset) -> String {
    let mut out = match &preset.partition_key {
        Expression::Column(column) => format!("Partition key: `{column}`."),
        Expression::Template(template) => format!("Partition key: `{template}`."),
    };
    if let Some(fan_out) = &preset.fan_out {
        write!(out, " One message for each element of `{}` (`fan_out`).", fan_out.column).unwrap();
    }
    let triggers = &preset.triggers;
    let on = [("added", triggers.added), ("changed", triggers.changed), ("removed", triggers.removed)];
    let on: Vec<_> = on.iter().filter(|(_, on)| *on).map(|(name, _)| *name).collect();
    write!(out, " Sent are rows that were {}.", on.join(", ")).unwrap();
    out
}
