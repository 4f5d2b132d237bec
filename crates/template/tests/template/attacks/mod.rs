//! Whatever is written, it ends within its budgets: with an error at compile, an error at render, or a bounded output.

mod list;
mod messages;

use list::{Attack, Ends};
use template::{Limits, PlainTemplate};

/// 2026-01-02.
const NOW: i64 = 1_767_312_000_000_000;

#[test]
fn every_attack_ends_within_the_budgets() {
    let attacks = list::all();
    assert!(attacks.len() > 100);
    let wrong: Vec<String> = attacks.iter().filter_map(wrong).collect();
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

fn wrong(attack: &Attack) -> Option<String> {
    let limits = Limits::default();
    let ended = match PlainTemplate::compile(&attack.template, limits) {
        Err(problem) => {
            assert!(problem.message.len() + problem.advice.len() < 1_000, "{}: {problem}", attack.name);
            (Ends::Refused, problem.to_string())
        }
        Ok(template) => match template.render(&attack.context, NOW, limits) {
            Err(error) => {
                assert!(error.to_string().len() < 1_000, "{}: {error}", attack.name);
                (Ends::Stopped, error.to_string())
            }
            Ok(output) => {
                assert!(output.len() <= limits.output, "{}: {} bytes", attack.name, output.len());
                let start = output.chars().take(200).collect();
                (Ends::Renders(output), start)
            }
        },
    };
    let fine = attack.ends == Ends::Bounded || attack.ends == ended.0;
    (!fine).then(|| format!("{}: expected {}, and it ended with {}", attack.name, short(&attack.ends), ended.1))
}

fn short(ends: &Ends) -> String {
    format!("{ends:?}").chars().take(200).collect()
}
