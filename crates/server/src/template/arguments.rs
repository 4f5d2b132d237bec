use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum TemplateCommand {
    /// Tells what is wrong with a template, or which columns it uses.
    Check(CheckArguments),
    /// Renders a template with values from a file.
    Render(RenderArguments),
}

#[derive(Debug, Args)]
#[command(after_help = "\
The columns are JSON: {\"id\": \"int\", \"tags\": {\"array\": \"text\"}, \"profile\": \"jsonb\"}, or a list of objects with `name` and
`type`, as a model shows them. The types: bool, int, float4, float8, numeric, text, bytea, date, time, time-tz, timestamp,
timestamp-tz, interval, uuid, json, jsonb, and {\"array\": TYPE}. Without --columns any column may be named.

Exit codes: 0 the template is right; 1 it is not, or a file cannot be read.")]
pub(crate) struct CheckArguments {
    /// A message as the JSON editor has it: JSON with Liquid.
    pub(crate) file: PathBuf,
    /// The columns of the model with their types.
    #[arg(long, value_name = "FILE.json")]
    pub(crate) columns: Option<PathBuf>,
    /// Text with Liquid, as in partition keys and texts of the field mapper, instead of JSON.
    #[arg(long)]
    pub(crate) text: bool,
    /// For a sync whose rows fan out: `element` may be used.
    #[arg(long)]
    pub(crate) fan_out: bool,
    /// One JSON object instead of text: `uses`, or `problem`.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Without --text the context is what a message sees: {\"row\": {...}, \"previous\": {...} or null, \"changed_columns\": [...],
\"op\": \"added\", \"event\": {\"id\", \"sequence\"}, \"run\": {\"id\", \"started_at\"}, \"sync\": {\"id\", \"name\"}}, and \"element\" where rows fan
out. Any of them may be missing. The members of `row` and `previous` are the columns. Their types come from the values: true and false are bool, whole numbers int,
other numbers numeric written as numbers with every digit, texts text, arrays and objects jsonb, null whatever fits.
With --text the context is any JSON object, and its members are the names.

--batch reads a JSON object on each line, {\"template\": \"...\", \"context\": {...}}, and answers each with one line, at once and in
order: {\"output\": \"...\"} or {\"error\": \"...\"}. A line that is no such object is answered with an error too.

Exit codes: 0 rendered, or every line of a batch answered; 1 the template or the context is wrong, or a file cannot be read.")]
pub(crate) struct RenderArguments {
    /// A message as the JSON editor has it.
    #[arg(long, value_name = "FILE", required_unless_present = "batch")]
    pub(crate) template: Option<PathBuf>,
    /// The values.
    #[arg(long, value_name = "FILE.json", required_unless_present = "batch")]
    pub(crate) context: Option<PathBuf>,
    /// Plain Liquid: no rules of JSON, and an unknown name is nothing, as in other engines.
    #[arg(long)]
    pub(crate) text: bool,
    /// Cases from standard input, a line each.
    #[arg(long, conflicts_with_all = ["template", "context"])]
    pub(crate) batch: bool,
}
