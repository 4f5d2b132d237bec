//! `rowcast template`: what a template says, without a sync, a database or a stream.

mod arguments;
mod batch;
mod check;
mod context;
mod message;

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::{Exit, Result};

use arguments::RenderArguments;
pub(crate) use arguments::TemplateCommand;
use message::Language;

pub(crate) fn run(command: &TemplateCommand) -> Result<Exit> {
    match command {
        TemplateCommand::Check(arguments) => check::run(arguments),
        TemplateCommand::Render(arguments) if arguments.batch => {
            let (input, output) = (std::io::stdin().lock(), std::io::stdout().lock());
            batch::run(arguments.language(), now()?, input, output)?;
            Ok(Exit::Done)
        }
        TemplateCommand::Render(arguments) => render(arguments),
    }
}

fn render(arguments: &RenderArguments) -> Result<Exit> {
    // Without `--batch` the command line asks for both.
    let (Some(template), Some(context)) = (&arguments.template, &arguments.context) else {
        return Err("give --template and --context, or --batch".into());
    };
    let source = text_of(template)?;
    let values: Value = serde_json::from_str(&text_of(context)?)
        .map_err(|error| format!("the context {} is not JSON: {error}", context.display()))?;
    match message::render(arguments.language(), &source, &values, now()?) {
        Ok(output) => {
            println!("{output}");
            Ok(Exit::Done)
        }
        Err(error) => {
            eprintln!("error: {}: {error}", template.display());
            Ok(Exit::Failed)
        }
    }
}

impl RenderArguments {
    const fn language(&self) -> Language {
        if self.text { Language::Text } else { Language::Json }
    }
}

fn text_of(path: &Path) -> Result<String> {
    let bytes = fs::read(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    String::from_utf8(bytes).map_err(|_| format!("{} is not UTF-8 text", path.display()).into())
}

/// What `"now" | date` means, in microseconds since 1970.
fn now() -> Result<i64> {
    #[expect(clippy::disallowed_methods, reason = "this is the edge")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| "the clock stands before 1970")?;
    i64::try_from(now.as_micros()).map_err(|_| "the clock stands too far in the future".into())
}
