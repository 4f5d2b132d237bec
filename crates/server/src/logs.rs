//! What the service writes to standard error.

use crate::config::{Log, LogFormat};
use tracing_subscriber::EnvFilter;

/// Ours. What others write is of interest from warnings on.
const CRATES: [&str; 9] =
    ["api", "embedded", "kinesis", "objects", "runner", "server", "snapshots", "sources", "store"];

/// `RUST_LOG` chooses what is logged, on standard error; warnings by default.
pub(crate) fn start_for_commands() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}

/// As the configuration says; `RUST_LOG` wins over its level. A panic is a line of the log like any other.
pub(crate) fn start_for_service(log: &Log) -> Result<(), String> {
    let filter = match EnvFilter::try_from_default_env() {
        Ok(filter) => filter,
        Err(_) => filter(&log.level)?,
    };
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match log.format {
        LogFormat::Text => subscriber.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init(),
        LogFormat::Json => subscriber.json().flatten_event(true).with_span_list(true).init(),
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panic: {}", panic.payload_as_str().unwrap_or("of unknown text"));
    }));
    Ok(())
}

/// A level of Rowcast's own crates, or a whole filter.
pub(crate) fn filter(level: &str) -> Result<EnvFilter, String> {
    let parse = |text: &str| EnvFilter::builder().parse(text).map_err(|error| error.to_string());
    if !["error", "warn", "info", "debug", "trace"].contains(&level) {
        // A word alone is read as the name of a crate with all that it says, which nobody means who mistypes a level.
        let is_level = |text: &str| text.trim().parse::<tracing::level_filters::LevelFilter>().is_ok();
        let alone = |part: &&str| !part.contains('=') && !level.contains(['[', '{', '"']);
        return match level.split(',').filter(alone).find(|part| !is_level(part)) {
            Some(part) => Err(format!("`{part}` is no level; for all of a crate write `{part}=trace`")),
            None => parse(level),
        };
    }
    let others = if level == "error" { "error" } else { "warn" };
    let ours: String = CRATES.iter().map(|name| format!(",{name}={level}")).collect();
    parse(&format!("{others}{ours}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_that_of_our_crates_and_others_are_quiet() {
        let debug = filter("debug").unwrap().to_string();
        assert!(debug.contains("runner=debug") && debug.contains("warn") && !debug.contains("hyper"), "{debug}");
        assert!(filter("info,runner=trace").unwrap().to_string().contains("runner=trace"));
        for fine in ["off", "warn,sqlx=info", "runner[run]=debug"] {
            assert!(filter(fine).is_ok(), "{fine}");
        }
        for odd in ["loud=very", "loud", "verbose,runner=info"] {
            assert!(filter(odd).is_err(), "{odd}");
        }
    }
}
