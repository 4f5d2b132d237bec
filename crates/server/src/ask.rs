//! What a run asks, asked on the terminal. Scripts answer by flags instead.

use std::io::{IsTerminal, Write};

use runner::Report;

use crate::Result;
use crate::cli::{ChoiceArguments, Guarded, OnChange, RepairWay};

/// The choice with the person's answer added; `None` when there is nobody to ask, nothing to ask, or no answer.
pub(crate) async fn ask(report: &Report, choice: ChoiceArguments) -> Result<Option<ChoiceArguments>> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Ok(None);
    }
    let code = report.reason.as_ref().map(|reason| reason.code.as_str()).unwrap_or_default();
    let (question, answers): (&str, &[(&str, ChoiceArguments)]) = match code {
        "configuration-changed" => (
            "Send all rows again, or only future changes?",
            &[
                ("send-all", ChoiceArguments { on_change: Some(OnChange::SendAll), ..choice }),
                ("only-future", ChoiceArguments { on_change: Some(OnChange::OnlyFuture), ..choice }),
            ],
        ),
        "empty-result" | "removals" | "invalid-keys" => (
            "Approve and send all of it, send the rest and hold removals, forget them without sending, or leave it?",
            &[
                ("approve", ChoiceArguments { guarded: Some(Guarded::Approve), ..choice }),
                ("hold", ChoiceArguments { guarded: Some(Guarded::Hold), ..choice }),
                ("forget", ChoiceArguments { guarded: Some(Guarded::Forget), ..choice }),
            ],
        ),
        "snapshot-damaged" => (
            "Go back to an older snapshot, or start without one? Either sends every row again.",
            &[
                ("older", ChoiceArguments { repair: Some(RepairWay::Older), ..choice }),
                ("send-all", ChoiceArguments { repair: Some(RepairWay::SendAll), ..choice }),
            ],
        ),
        _ => return Ok(None),
    };
    let words: Vec<&str> = answers.iter().map(|(word, _)| *word).collect();
    loop {
        eprint!("{question} [{}, Enter to leave it] ", words.join(", "));
        std::io::stderr().flush()?;
        let line = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).map(|_| line)
        });
        let line = line.await??;
        match line.trim() {
            "" => return Ok(None),
            word => {
                if let Some((_, answered)) = answers.iter().find(|(known, _)| *known == word) {
                    return Ok(Some(*answered));
                }
                eprintln!("`{word}` is none of the answers");
            }
        }
    }
}
