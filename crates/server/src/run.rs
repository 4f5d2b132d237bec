//! `rowcast run`: one sync, once, as its file says.

use std::io::IsTerminal;
use std::time::Duration;

use domain::{RunId, RunKind, SyncId};
use runner::{Executed, Report, Reporter, RunOptions, Worker};
use store::Decision;
use tokio_util::sync::CancellationToken;

use crate::ask::ask;
use crate::cli::{ChoiceArguments, Guarded, OnChange, RepairWay, RunArguments};
use crate::place::Place;
use crate::show::{self, Display};
use crate::sync_file::SyncFile;
use crate::{Exit, Result, secrets};

pub(crate) async fn run(arguments: RunArguments) -> Result<Exit> {
    let file = SyncFile::read(&arguments.file)?;
    let place = Place::open(&arguments.place, secrets::from_machine()).await?;
    let cancel = cancel_on_signal();
    let display = match (arguments.json, std::io::stderr().is_terminal()) {
        (true, _) => Display::Silent,
        (false, true) => Display::Bar,
        (false, false) => Display::Lines,
    };
    let worker = &place.worker;
    let sync = worker.scope.put_sync(&file.name, &file.definition).await?.id;
    if let Some(guarded) = arguments.choice.guarded {
        answer_guard(worker, sync, guarded).await?;
        if guarded == Guarded::Dismiss {
            return Ok(Exit::Done);
        }
    }
    let mut choice = arguments.choice;
    let mut wanted = request(worker, sync, &choice).await?;
    loop {
        let Some(reports) = work_until(worker, sync, wanted, display, &cancel).await? else { return Ok(Exit::Busy) };
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
            if let Some(guarded) = answered.guarded {
                answer_guard(worker, sync, guarded).await?;
            }
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

async fn request(worker: &Worker, sync: SyncId, choice: &ChoiceArguments) -> Result<RunId> {
    let options = serde_json::to_value(options(choice))?;
    Ok(worker.scope.request_run(sync, kind(choice), options).await?.run)
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
                held_until = Some(lease_until);
                let left = Duration::from_millis(u64::try_from(lease_until - show::now()).unwrap_or(0));
                eprintln!(
                    "a process that works on this sync, or died, holds its lease for {:.1} s more; waiting",
                    left.as_secs_f64()
                );
                pause(left + Duration::from_millis(50), cancel).await;
            }
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

pub(crate) fn options(choice: &ChoiceArguments) -> RunOptions {
    RunOptions {
        on_change: choice.on_change.map(|answer| match answer {
            OnChange::SendAll => runner::Answer::SendAll,
            OnChange::OnlyFuture => runner::Answer::OnlyFuture,
        }),
        repair: choice.repair.map(|way| match way {
            RepairWay::Older => runner::Repair::Older,
            RepairWay::SendAll => runner::Repair::SendAll,
        }),
        hold_removals: choice.guarded == Some(Guarded::Hold),
    }
}

/// What a person says about the request that a guard left open.
async fn answer_guard(worker: &Worker, sync: SyncId, guarded: Guarded) -> Result<()> {
    let open = worker.scope.approvals(sync, true).await?;
    let decision = match guarded {
        Guarded::Approve => Decision::Approved,
        Guarded::Forget => Decision::Forgotten,
        Guarded::Dismiss => Decision::Dismissed,
        Guarded::Hold => return Ok(()),
    };
    if open.is_empty() {
        eprintln!("no guard asks anything of this sync now");
    }
    for approval in open {
        worker.scope.decide_approval(approval.id, decision, "command line").await?;
    }
    Ok(())
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
