//! Liquid as others understand it, and `rowcast template` as a program.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod command;
mod differences;
mod engines;
mod filters;
mod generate;
mod values;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use engines::{Answer, Engine};
use generate::Case;

/// Cases that three engines render; the same ones in each run.
const SHORT: u64 = 600;
const LONG: u64 = 60_000;
const SEED: u64 = 20_240_229;
/// Disagreements that are printed; all are in the report.
const SHOWN: usize = 20;

/// python-liquid is the engine that follows Shopify most closely, so ours has to say what it says, or be known to differ
/// for a reason. LiquidJS is a witness: its answers are counted, and shown beside a disagreement.
#[test]
fn generated_templates_say_what_they_say_in_other_engines() {
    let (Some(python), Some(liquidjs)) = (variable("ROWCAST_PYTHON_LIQUID"), variable("ROWCAST_LIQUIDJS")) else {
        eprintln!("skipped: python-liquid or LiquidJS is not installed; `cargo xtask test` installs both");
        return;
    };
    let count = if variable("ROWCAST_LONG").is_some() { LONG } else { SHORT };
    let first = variable("ROWCAST_SEED").and_then(|seed| seed.to_str()?.parse().ok()).unwrap_or(SEED);
    let cases: Vec<Case> = (0..count).map(|n| generate::case(first.wrapping_add(n))).collect();
    let engines = [Engine::ours(), Engine::python(&python), Engine::liquidjs(&liquidjs)];
    let [ours, python, liquidjs] = engines.map(|engine| {
        let lines = cases.iter().map(|case| case.line.clone()).collect();
        std::thread::spawn(move || engine.answers(lines))
    });
    let [ours, python, liquidjs] = [ours, python, liquidjs].map(|engine| engine.join().unwrap());

    let mut tally = Tally::default();
    for (((case, ours), python), liquidjs) in cases.iter().zip(&ours).zip(&python).zip(&liquidjs) {
        tally.add(case, [ours, python, liquidjs]);
    }
    eprintln!("{}", tally.summary());
    let report = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/reports/template-differences.txt");
    fs::create_dir_all(report.parent().unwrap()).unwrap();
    fs::write(&report, tally.disagreements.join("\n")).unwrap();
    let shown = tally.disagreements.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("\n");
    assert!(tally.disagreements.is_empty(), "{}\n{shown}\nall are in {}", tally.summary(), report.display());
    assert!(tally.rendered * 2 > cases.len(), "too many of the generated templates are wrong: {}", tally.summary());
}

#[derive(Default)]
struct Tally {
    all: usize,
    rendered: usize,
    as_python: usize,
    as_liquidjs: usize,
    known: BTreeMap<&'static str, usize>,
    disagreements: Vec<String>,
}

impl Tally {
    fn add(&mut self, case: &Case, [ours, python, liquidjs]: [&Answer; 3]) {
        self.all += 1;
        self.rendered += usize::from(matches!(ours, Answer::Output(_)));
        self.as_liquidjs += usize::from(ours.same(liquidjs));
        if ours.same(python) {
            self.as_python += 1;
        } else if let Some(reason) = differences::known(case, ours, python, liquidjs) {
            *self.known.entry(reason).or_default() += 1;
        } else {
            self.disagreements.push(format!(
                "seed {}\n  template  {:?}\n  context   {}\n  ours      {ours}\n  python    {python}\n  LiquidJS  {liquidjs}",
                case.seed, case.template, case.context
            ));
        }
    }

    fn summary(&self) -> String {
        let mut text = format!(
            "{} cases: {} rendered, {} as python-liquid, {} as LiquidJS, {} disagree without a known reason",
            self.all,
            self.rendered,
            self.as_python,
            self.as_liquidjs,
            self.disagreements.len()
        );
        for (reason, count) in &self.known {
            write!(text, "\n  {count} known: {reason}").unwrap();
        }
        text
    }
}

#[expect(clippy::disallowed_methods, reason = "a test is told by the environment what is installed")]
fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
