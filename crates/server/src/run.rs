//! `rowcast run`: one sync, once, as its file says.

use std::io::IsTerminal;
use std::time::Duration;

use domain::{RunId, RunKind, RunState, SyncId};
use runner::{Executed, GuardAnswer, Report, Reporter, RunOptions, Worker};
use store::Decision;
use tokio_util::sync::CancellationToken;

use crate::ask::ask;
use crate::cli::{ChoiceArguments, Guarded, OnChange, RepairWay, RunArguments};
use crate::place::{self, Place};
use crate::show::{self, Display};
use crate::sync_file::SyncFile;
use crate::{Exit, Result, secrets};

pub(crate) async fn run(arguments: RunArguments) -> Result<Exit> {
    let file = SyncFile::read(&arguments.file)?;
    let place = match Place::open(&arguments.place, secrets::from_machine()).await {
        Err(error) if place::in_use(error.as_ref()) => {
            eprintln!("{error}; try again when it is done");
            return Ok(Exit::Busy);
        }
        other => other?,
    };
    let exit = run_in(&place, &file, &arguments).await;
    place.close().await;
    exit
}

async fn run_in(place: &Place, file: &SyncFile, arguments: &RunArguments) -> Result<Exit> {
    let cancel = cancel_on_signal();
    let display = match (arguments.json, std::io::stderr().is_terminal()) {
        (true, _) => Display::Silent,
        (false, true) => Display::Bar,
        (false, false) => Display::Lines,
    };
    let worker = &place.worker;
    let sync = worker.scope.put_sync(&file.name, &file.definition).await?.id;
    let mut choice = arguments.choice;
    if choice.guarded == Some(Guarded::Dismiss) {
        return dismiss(worker, sync).await;
    }
    let mut wanted = request(worker, sync, &choice).await?;
    loop {
        let worked = work_until(worker, sync, wanted, display, &cancel).await;
        if !matches!(&worked, Ok(Some(reports)) if reports.last().is_some_and(|report| report.run == wanted)) {
            withdraw(worker, wanted).await;
        }
        let Some(reports) = worked? else { return Ok(Exit::Busy) };
        for report in &reports {
            if arguments.json {
                println!("{}", show::report_json(&file.name, report));
            } else {
                println!("{}", show::report(&file.name, report));
                show::rejections(worker, report).await?;
            }
        }
        let Some(report) = reports.last().filter(|report| report.run == wanted) else { return Ok(Exit::Cancelled) };
        if let Some(answered) = ask(report, choice).await? {
            choice = answered;
            wanted = request(worker, sync, &choice).await?;
            continue;
        }
        match report.follow_up {
            Some((next, due_at)) if arguments.wait && !cancel.is_cancelled() => {
                wait_until(due_at, &cancel).await;
                if cancel.is_cancelled() {
                    return Ok(Exit::Cancelled);
                }
                wanted = next;
            }
            _ => return Ok(Exit::of_run(report)),
        }
    }
}

/// Asks for a run. A request of another kind that a dead process left waiting is not this user's wish.
async fn request(worker: &Worker, sync: SyncId, choice: &ChoiceArguments) -> Result<RunId> {
    let kind = kind(choice);
    let options = serde_json::to_value(options(worker, sync, choice).await?)?;
    let waiting = worker.scope.runs(sync, 10).await?.into_iter().find(|run| run.state == RunState::Queued);
    if let Some(left) = waiting.filter(|run| (run.kind, &run.options) != (kind, &options)) {
        if left.kind != RunKind::Normal || left.options != serde_json::json!({}) {
            eprintln!("a request that waited and was not taken up is withdrawn ({})", left.id);
        }
        worker.scope.cancel(left.id).await?;
    }
    Ok(worker.scope.request_run(sync, kind, options).await?.run)
}

/// A request that did not become a run must not be executed by whoever comes next.
async fn withdraw(worker: &Worker, wanted: RunId) {
    let waits = worker.scope.run(wanted).await.is_ok_and(|run| run.state == RunState::Queued);
    if waits && let Err(error) = worker.scope.cancel(wanted).await {
        eprintln!("the request for this run could not be withdrawn: {}", runner::chain(&error));
    }
}

/// Works on the sync until this run has ended. Its report is the last; a run that a dead process left over comes first.
/// It is missing when `cancel` came first. `None`: another process works on it.
pub(crate) async fn work_until(
    worker: &Worker,
    sync: SyncId,
    wanted: RunId,
    display: Display,
    cancel: &CancellationToken,
) -> Result<Option<Vec<Report>>> {
    let (mut reports, mut held_until) = (Vec::new(), None);
    loop {
        let progress = Reporter::default();
        let shown = show::follow(display, progress.watch());
        let executed = worker.execute(sync, &progress, cancel.clone()).await;
        drop(progress);
        shown.await?;
        match executed? {
            Executed::Ended(report) => {
                let done = report.run == wanted;
                reports.push(*report);
                if done {
                    return Ok(Some(reports));
                }
            }
            Executed::Busy { lease_until } if held_until.is_some_and(|before| before != lease_until) => {
                eprintln!("another process is working on this sync and renews its lease; try again when it is done");
                return Ok(None);
            }
            Executed::Busy { lease_until } => {
                let left = Duration::from_millis(u64::try_from(lease_until - show::now()).unwrap_or(0));
                if held_until.replace(lease_until).is_none() {
                    eprintln!(
                        "a process that works on this sync, or died, holds its lease for {:.1} s more; waiting",
                        left.as_secs_f64()
                    );
                }
                pause(left.min(Duration::from_millis(450)) + Duration::from_millis(50), cancel).await;
            }
            // Nobody drains this process; a run that was given back is taken up again.
            Executed::Released { .. } => {}
            Executed::Nothing => return Err("the run was ended by another process".into()),
        }
        if cancel.is_cancelled() {
            return Ok(Some(reports));
        }
    }
}

pub(crate) const fn kind(choice: &ChoiceArguments) -> RunKind {
    match (choice.full_resync, choice.reset) {
        (true, _) => RunKind::FullResync,
        (_, true) => RunKind::Baseline,
        _ => RunKind::Normal,
    }
}

/// What the arguments mean for a run. The answer to a guard goes with the run, so it ends with it.
pub(crate) async fn options(worker: &Worker, sync: SyncId, choice: &ChoiceArguments) -> Result<RunOptions> {
    let decision = match choice.guarded {
        Some(Guarded::Approve) => Some(Decision::Approved),
        Some(Guarded::Forget) => Some(Decision::Forgotten),
        Some(Guarded::Hold | Guarded::Dismiss) | None => None,
    };
    let guard = match decision {
        Some(decision) => {
            let open = worker.scope.approvals(sync, true).await?;
            if open.is_empty() {
                eprintln!("no guard asks anything of this sync now");
            }
            open.first().map(|approval| GuardAnswer { approval: approval.id, decision })
        }
        None => None,
    };
    Ok(RunOptions {
        on_change: choice.on_change.map(|answer| match answer {
            OnChange::SendAll => runner::Answer::SendAll,
            OnChange::OnlyFuture => runner::Answer::OnlyFuture,
        }),
        repair: choice.repair.map(|way| match way {
            RepairWay::Older => runner::Repair::Older,
            RepairWay::SendAll => runner::Repair::SendAll,
        }),
        hold_removals: choice.guarded == Some(Guarded::Hold),
        guard,
        ..RunOptions::default()
    })
}

/// Leaves what a guard asked about pending, without a run.
async fn dismiss(worker: &Worker, sync: SyncId) -> Result<Exit> {
    let open = worker.scope.approvals(sync, true).await?;
    for approval in &open {
        worker.scope.decide_approval(approval.id, Decision::Dismissed, "command line").await?;
    }
    eprintln!("{} requests dismissed; what they asked about stays pending, and the next run asks again", open.len());
    Ok(Exit::Done)
}

/// The first Ctrl-C or SIGTERM ends the run with what was acknowledged kept, the second one the process.
pub(crate) fn cancel_on_signal() -> CancellationToken {
    let cancel = CancellationToken::new();
    let token = cancel.clone();
    tokio::spawn(async move {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
        loop {
            tokio::select! {
                interrupted = tokio::signal::ctrl_c() => if interrupted.is_err() { return },
                _ = terminate.recv() => {}
            }
            if token.is_cancelled() {
                std::process::exit(Exit::Cancelled.code().into());
            }
            eprintln!("ending: what was acknowledged is kept; once more to end at once");
            token.cancel();
        }
    });
    cancel
}

async fn wait_until(due_at: domain::Millis, cancel: &CancellationToken) {
    let wait = u64::try_from(due_at - show::now()).unwrap_or(0) + 50;
    eprintln!("waiting {:.1} s for puts that may still be applied, then running again", wait as f64 / 1_000.0);
    pause(Duration::from_millis(wait), cancel).await;
}

async fn pause(wait: Duration, cancel: &CancellationToken) {
    tokio::select! {
        () = tokio::time::sleep(wait) => {}
        () = cancel.cancelled() => {}
    }
}
