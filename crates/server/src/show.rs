//! What people see: a live line while a run works, and a report whose sums can be checked by eye.

use std::time::Duration;

use domain::{Counts, RunState};
use indicatif::{ProgressBar, ProgressStyle};
use runner::{Preview, Progress, Report, Worker};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::{Exit, Result};

/// Rejections that are printed; all are in the store.
const REJECTIONS: usize = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Display {
    /// A live line on a terminal.
    Bar,
    /// A line for each phase, for logs.
    Lines,
    Silent,
}

/// Shows the progress of a run until its reporter is gone.
pub(crate) fn follow(display: Display, mut progress: watch::Receiver<Progress>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let bar = match display {
            Display::Bar => bar(),
            Display::Lines | Display::Silent => ProgressBar::hidden(),
        };
        let mut phase = None;
        while progress.changed().await.is_ok() {
            let now = *progress.borrow_and_update();
            if display == Display::Lines && phase != Some(now.phase) && now.run.is_some() {
                eprintln!("{}", line(&now));
            }
            phase = Some(now.phase);
            bar.set_message(line(&now));
            bar.tick();
            if display != Display::Silent {
                tokio::time::sleep(Duration::from_millis(80)).await;
            }
        }
        bar.finish_and_clear();
    })
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
        bar.set_style(style);
    }
    bar
}

fn line(progress: &Progress) -> String {
    let Counts { queried, planned, delivered, rejected, .. } = progress.counts;
    let mut line = format!("{:<9} {queried} rows read", progress.phase.as_str());
    if planned > 0 {
        line += &format!(", {delivered} of {planned} records delivered");
    }
    if rejected > 0 {
        line += &format!(", {rejected} rejected");
    }
    if progress.throttled > 0 {
        line += &format!(", {} puts throttled", progress.throttled);
    }
    line
}

pub(crate) fn report(name: &str, report: &Report) -> String {
    let mut text = format!("{name}: {} ({})\n", state(report.state), report.run);
    if let Some(reason) = &report.reason {
        text += &format!("  {}: {}\n", reason.code, reason.text);
        text += next_step(report);
    }
    if report.counts != Counts::default() {
        text += &sums(&report.counts);
    }
    if report.calls > 0 {
        let (calls, throttled, scratch) = (report.calls, report.throttled, report.scratch_bytes.div_ceil(1024));
        text += &format!("  PutRecords calls {calls}, throttled puts {throttled}, scratch space {scratch} KiB\n");
    }
    if let Some((_, due_at)) = report.follow_up {
        let wait = (due_at - now()).max(0) as f64 / 1_000.0;
        text += &format!(
            "  {} rows wait {wait:.1} s for earlier puts that may still be applied; run again then, or use --wait\n",
            report.counts.deferred
        );
    }
    text.trim_end().to_owned()
}

/// The three sums of promise P3.
pub(crate) fn sums(counts: &Counts) -> String {
    let Counts { added, changed, removed, repeated, planned, not_wanted, .. } = counts;
    let Counts { delivered, rejected, unanswered, deferred, .. } = counts;
    let rows = rows_and_units(counts).replace('\n', "\n  ");
    format!(
        "  {rows}\n  \
         added {added} + changed {changed} + removed {removed} + repeated {repeated} = planned {planned} + not wanted \
         {not_wanted}\n  \
         planned {planned} = delivered {delivered} + rejected {rejected} + unanswered {unanswered} + deferred \
         {deferred}\n"
    )
}

/// The first sum. Where rows fan out, it is one of rows and one of units.
fn rows_and_units(counts: &Counts) -> String {
    let Counts { queried, rows, units, unchanged, added, changed, repeated, invalid, .. } = counts;
    let present = format!("unchanged {unchanged} + added {added} + changed {changed} + repeated {repeated}");
    if rows == units {
        return format!("queried {queried} = {present} + invalid {invalid}");
    }
    format!("queried {queried} = valid {rows} + invalid {invalid}\nelements {units} = {present}")
}

pub(crate) fn report_json(name: &str, report: &Report) -> serde_json::Value {
    json!({
        "sync": name,
        "run": report.run,
        "kind": report.kind,
        "state": report.state,
        "reason": report.reason.as_ref().map(|reason| json!({ "code": reason.code, "text": reason.text })),
        "counts": report.counts,
        "put_records_calls": report.calls,
        "throttled_puts": report.throttled,
        "scratch_bytes": report.scratch_bytes,
        "full_lists": report.full_lists,
        "follow_up_due_at_ms": report.follow_up.map(|(_, due_at)| due_at),
        "exit_code": Exit::of_run(report).code(),
    })
}

pub(crate) async fn rejections(worker: &Worker, report: &Report) -> Result<()> {
    if report.counts.rejected > 0 {
        println!("  rejected, and tried again by the next run:");
        for rejection in worker.scope.rejections(report.run).await?.into_iter().take(REJECTIONS) {
            println!("    {} {} {}: {}", rejection.op.as_str(), rejection.key, rejection.code, rejection.message);
        }
    }
    for name in &report.full_lists {
        println!("  the full list: {}/{}/{name}", worker.settings.objects.display(), worker.workspace.id);
    }
    if report.counts.invalid > 0 {
        println!("  invalid, and held back:");
        for row in worker.scope.invalid_rows(report.run).await?.into_iter().take(REJECTIONS) {
            println!("    {} {}: {}", row.key, row.code, row.message);
        }
    }
    Ok(())
}

pub(crate) fn preview(preview: &Preview) -> String {
    let mut text = String::new();
    for question in &preview.questions {
        text += &format!("the run would ask first, and send nothing: {question}\n");
    }
    for record in &preview.records {
        let hash = record.hash_key.map_or_else(String::new, |hash| format!("{hash:032x}"));
        text += &format!(
            "{:<8} {}\n  partition key {:?}, hash {hash}, {} bytes\n  {}\n",
            record.op.as_str(),
            record.key,
            record.partition_key,
            record.bytes,
            String::from_utf8_lossy(&record.data)
        );
    }
    let shown = preview.records.len() as u64;
    if shown < preview.records_total {
        text += &format!("... and {} more records\n", preview.records_total - shown);
    }
    for rejection in &preview.rejections {
        let (op, code, message) = (rejection.op.as_str(), rejection.code, &rejection.message);
        text += &format!("would be rejected: {op} {} {code}: {message}\n", rejection.key);
    }
    let Counts { removed, planned, not_wanted, .. } = preview.counts;
    text += &format!(
        "{}\nremoved {removed}; planned {planned}, not wanted {not_wanted}; {} records, {} bytes\n\
         Nothing was sent or stored. run.id, run.started_at, event.id and event.sequence are stand-ins.\n",
        rows_and_units(&preview.counts),
        preview.records_total,
        preview.billed.bytes
    );
    text
}

const fn state(state: RunState) -> &'static str {
    match state {
        RunState::Queued => "queued",
        RunState::Running => "running",
        RunState::Succeeded => "succeeded",
        RunState::NeedsApproval => "needs approval, nothing was sent",
        RunState::Stopped => "stopped",
        RunState::Failed => "failed",
        RunState::Cancelled => "cancelled",
    }
}

fn next_step(report: &Report) -> &'static str {
    match report.reason.as_ref().map(|reason| reason.code.as_str()) {
        Some("configuration-changed") => "  answer with --on-change send-all or --on-change only-future\n",
        Some("empty-result" | "removals" | "invalid-keys") => {
            "  look at it with `rowcast preview`, then answer with --guarded approve, hold, forget or dismiss\n"
        }
        Some("snapshot-damaged") => "  answer with --repair older or --repair send-all\n",
        _ => "",
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the edge")]
pub(crate) fn now() -> domain::Millis {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as domain::Millis)
}
