//! What a bench found out, beside what others needed for the same.

use serde::Serialize;

use crate::shell::say;

/// One figure. With `--json` it is an object on a line of its own.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Figure {
    pub(super) bench: &'static str,
    pub(super) figure: String,
    pub(super) value: f64,
    pub(super) unit: &'static str,
    /// The same of what is measured beside it, in the same call.
    pub(super) baseline: Option<f64>,
    /// Of the value to the baseline.
    pub(super) ratio: Option<f64>,
}

impl Figure {
    pub(super) fn new(bench: &'static str, figure: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { bench, figure: figure.into(), value, unit, baseline: None, ratio: None }
    }

    pub(super) fn beside(self, baseline: f64) -> Self {
        Self { baseline: Some(baseline), ratio: Some(self.value / baseline), ..self }
    }
}

/// The least and the median of what was measured several times, each beside the same of the others.
pub(super) fn least_and_median(
    bench: &'static str,
    figure: &str,
    unit: &'static str,
    ours: &[f64],
    others: &[f64],
) -> [Figure; 2] {
    [("min", least as fn(&[f64]) -> f64), ("median", median)].map(|(name, of)| {
        let found = Figure::new(bench, format!("{figure}, {name}"), of(ours), unit);
        if others.is_empty() { found } else { found.beside(of(others)) }
    })
}

pub(super) fn tell(figures: &[Figure], json: bool) {
    say("");
    for figure in figures {
        if json {
            say(&serde_json::to_string(figure).unwrap_or_default());
            continue;
        }
        let Figure { figure, value, unit, baseline, ratio, .. } = figure;
        let beside = baseline.zip(*ratio).map(|(baseline, ratio)| format!("  beside {baseline:>10.3}: {ratio:.3}"));
        say(&format!("    {figure:<48} {value:>12.3} {unit:<8}{}", beside.unwrap_or_default()));
    }
}

pub(super) fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

fn least(figures: &[f64]) -> f64 {
    figures.iter().copied().min_by(f64::total_cmp).unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn a_figure_is_an_object_with_its_baseline_and_how_it_stands_to_it() {
        let [min, median] = least_and_median("plan", "time", "s", &[3.0, 2.0, 7.0], &[2.0, 1.0, 2.0]);
        let told = serde_json::to_string(&min).unwrap();
        let wanted = r#"{"bench":"plan","figure":"time, min","value":2.0,"unit":"s","baseline":1.0,"ratio":2.0}"#;
        assert_eq!(told, wanted);
        assert_eq!((median.value, median.ratio), (3.0, Some(1.5)));
        let [alone, _] = least_and_median("plan", "time", "s", &[3.0], &[]);
        assert_eq!((alone.baseline, alone.ratio), (None, None));
    }
}
