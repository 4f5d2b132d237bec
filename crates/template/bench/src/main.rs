#![doc = include_str!("../README.md")]

mod budget;
mod engines;
mod rows;

use std::path::Path;
use std::time::Duration;

use engines::{COLUMNS, Engine, FILTERS, LiquidJs, Ours, SerdeJson, Stock};
use rows::Row;

const OURS: &str = "rowcast";
const TURNS: usize = 5;
/// So few that they stay near the processor, as rows do that were just read.
const ROWS: usize = 500;
/// How often each is rendered in a turn.
const TIMES: usize = 40;
/// Rows whose outputs are compared.
const COMPARED: usize = 200;

struct Figure {
    message: &'static str,
    engine: &'static str,
    /// Sorted.
    times: Vec<Duration>,
}

/// Arguments: the folder of LiquidJS (or `-`), `--json`, `--budget` for how long the budgets last instead, and `--alone`, which leaves all others out, for a profiler.
fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--budget") {
        return budget::run();
    }
    let json = arguments.iter().any(|argument| argument == "--json");
    let liquidjs = arguments.first().filter(|path| *path != "-" && *path != "--json").map(Path::new);
    let rows = rows::rows(ROWS);
    let mut figures = Vec::new();
    for (message, [ours, others]) in [("columns", COLUMNS), ("filters", FILTERS)] {
        let mut engines: Vec<(&'static str, Box<dyn Engine>)> = vec![(OURS, Box::new(Ours::new(ours, &rows)))];
        let alone = arguments.iter().any(|argument| argument == "--alone");
        if alone {
            let rate =
                ROWS as f64 / (0..800 * TURNS).map(|_| engines[0].1.all()).min().unwrap_or_default().as_secs_f64();
            println!("    {message:<8} {rate:>10.0} renders/s/core");
            continue;
        }
        if message == "columns" {
            engines.push(("serde_json", Box::new(SerdeJson(rows.clone()))));
        }
        engines.push(("liquid", Box::new(Stock::new(others, &rows))));
        if let Some(package) = liquidjs {
            engines.push(("LiquidJS", Box::new(LiquidJs::new(package, others, &rows).expect("Node starts"))));
        }
        figures.extend(measure(message, engines, &rows));
    }
    for ours in figures.iter().filter(|figure| figure.engine == OURS) {
        let others = figures.iter().filter(|other| other.message == ours.message && other.engine != OURS);
        others.for_each(|other| show(ours, other, json));
    }
}

/// In turns, so that whatever else the machine does meets all alike. The first turn warms up.
fn measure(message: &'static str, mut engines: Vec<(&'static str, Box<dyn Engine>)>, rows: &[Row]) -> Vec<Figure> {
    for row in 0..COMPARED.min(rows.len()) {
        let expected = engines[0].1.first(row);
        for (name, engine) in &mut engines {
            assert_eq!(engine.first(row), expected, "{name} renders something else");
        }
    }
    let mut figures: Vec<Figure> =
        engines.iter().map(|(engine, _)| Figure { message, engine, times: Vec::new() }).collect();
    for turn in 0..=TURNS {
        for ((_, engine), figure) in engines.iter_mut().zip(&mut figures) {
            let time = (0..TIMES).map(|_| engine.all()).sum();
            if turn > 0 {
                figure.times.push(time);
            }
        }
    }
    figures.iter_mut().for_each(|figure| figure.times.sort_unstable());
    figures
}

/// `value` is ours, `baseline` that of the other engine.
fn show(ours: &Figure, other: &Figure, json: bool) {
    let rate = |figure: &Figure, time: usize| (ROWS * TIMES) as f64 / figure.times[time].as_secs_f64();
    for (what, time) in [("best", 0), ("median", TURNS / 2)] {
        let (value, baseline) = (rate(ours, time), rate(other, time));
        let ratio = value / baseline;
        if json {
            let object = serde_json::json!({
                "bench": "template",
                "figure": format!("{}, beside {}, {what} of {TURNS}", ours.message, other.engine),
                "value": value.round(),
                "unit": "renders/s/core",
                "baseline": baseline.round(),
                "ratio": (ratio * 100.0).round() / 100.0,
            });
            println!("{object}");
        } else {
            let (message, engine) = (ours.message, other.engine);
            println!(
                "    {message:<8} {what:<7} {value:>10.0} renders/s/core, {engine:<10} {baseline:>10.0}  x {ratio:.2}"
            );
        }
    }
}
