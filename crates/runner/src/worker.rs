//! One attempt: claim, run, and an end in every case in which the claim still holds.

use std::pin::Pin;
use std::sync::Mutex;

use domain::{Millis, RunId, RunKind, SyncId};
use engine::layout::Layout;
use objects::Objects;
use store::{Claim, Claimed, Scope, Workspace};
use tokio::time::Instant;

use crate::course::{Course, Differences, RunOptions};
use crate::finish::{self, Report};
use crate::job::{self, Job, State};
use crate::lease::{Lease, Signals};
use crate::log::{self, AttemptLog};
use crate::progress::{Phase, Reporter};
use crate::settings::Settings;
use crate::{Error, approval, erase, manifest, pipeline, repair};

/// What a worker found to do on a sync.
#[derive(Debug)]
pub enum Executed {
    /// No run waits that is due.
    Nothing,
    /// Another worker holds the run until then, by the database's clock, unless it renews.
    Busy {
        lease_until: Millis,
    },
    Ended(Box<Report>),
    /// The run goes on with the next claim, by whatever worker; nothing that this one knew is lost.
    Released {
        run: RunId,
    },
}

/// Its type hides what it is made of: that is compiled here, and not again in each program that waits for one.
type Attempt<'a> = Pin<Box<dyn Future<Output = Result<Executed, Error>> + Send + 'a>>;

impl Executed {
    fn ended(report: Report) -> Self {
        Self::Ended(Box::new(report))
    }
}

/// A worker of one workspace.
#[derive(Debug, Clone)]
pub struct Worker {
    pub settings: Settings,
    pub workspace: Workspace,
    pub scope: Scope,
}

impl Worker {
    /// Claims what is due on this sync, and works on it to its end, or until a signal: `cancel` ends the run with what was
    /// acknowledged kept, `drain` leaves it to another worker. It may be dropped, or panic in a task of its own: that is
    /// the death of this attempt, and of nothing else.
    pub async fn execute(
        &self,
        sync: SyncId,
        progress: &Reporter,
        signals: impl Into<Signals>,
    ) -> Result<Executed, Error> {
        self.attempt(sync, progress, signals.into()).await
    }

    fn attempt<'a>(&'a self, sync: SyncId, progress: &'a Reporter, signals: Signals) -> Attempt<'a> {
        Box::pin(async move {
            let settings = &self.settings;
            settings.sweep_scratch()?;
            let claimed_at = Instant::now();
            let (lease, settling) = (settings.lease.as_millis() as i64, settings.settling.as_millis() as i64);
            let claim = match self.scope.claim(sync, &settings.worker, lease, settling).await? {
                Claimed::Nothing => return Ok(Executed::Nothing),
                Claimed::Busy { lease_until } => return Ok(Executed::Busy { lease_until }),
                Claimed::Claimed(claim) => *claim,
            };
            self.go_on(claim, claimed_at, progress, signals).await
        })
    }

    /// The same with a claim that was taken already; `claimed_at`: when it was asked for.
    pub(crate) async fn go_on(
        &self,
        claim: Claim,
        claimed_at: Instant,
        progress: &Reporter,
        signals: Signals,
    ) -> Result<Executed, Error> {
        let settings = &self.settings;
        progress.update(|progress| {
            (progress.run, progress.phase) = (Some(claim.run), Phase::Reading);
        });
        let limit = settings.limits.time;
        let lease = Lease::keep(self.scope.clone(), &claim, settings.lease, claimed_at, signals, limit);
        // Work that kills whoever tries it is not tried for ever.
        if claim.died_attempts >= settings.max_died_attempts.max(1) {
            let error = Error::CrashLoop { attempts: claim.died_attempts };
            return finish::fail_early(self, &claim, None, &error).await.map(Executed::ended);
        }
        if let Some(limit) = settings.limits.stored_bytes {
            let stored = self.scope.stored_bytes().await?;
            if stored > limit {
                let error = Error::TooMuchStored { stored, limit };
                return finish::fail_early(self, &claim, None, &error).await.map(Executed::ended);
            }
        }
        self.work(claim, lease, progress).await
    }

    async fn work(&self, claim: Claim, lease: Lease, progress: &Reporter) -> Result<Executed, Error> {
        if claim.kind == RunKind::Erase {
            return Box::pin(self.erase(&claim, &lease)).await;
        }
        let first_call = self.scope.next_call(claim.run).await?;
        let log = AttemptLog::new(objects(&self.settings, &self.workspace)?, &claim, first_call);
        let prepared = match Box::pin(self.prepare(claim.clone(), lease, progress, log.clone())).await {
            Ok(prepared) => prepared,
            Err((Error::Drained, lease)) => {
                let version = self.scope.sync_state(claim.sync).await?.manifest_version;
                return self.release(&claim, &lease, version).await;
            }
            Err((error, _)) if !error.ends_run() => return Err(error),
            // Source or stream could not even be met: the run ends with the reason.
            Err((error, _lease)) => {
                return finish::fail_early(self, &claim, Some(&log), &error).await.map(Executed::ended);
            }
        };
        let Prepared { job, course, differences } = prepared;
        // Boxed: the state of a whole run is large, and whoever waits for it should not hold it.
        match Box::pin(pipeline::run(&job, course, &differences)).await {
            Err(Error::Drained) => {
                let version = job.state().manifest_version;
                self.release(&job.claim, &job.lease, version).await
            }
            Err(error) if error.ends_run() => finish::fail(&job, course, &error).await.map(Executed::ended),
            other => other.map(Executed::ended),
        }
    }

    /// Forgets keys: a run without source and stream.
    async fn erase(&self, claim: &Claim, lease: &Lease) -> Result<Executed, Error> {
        let erased = tokio::select! {
            erased = erase::run(self, claim) => erased,
            why = lease.ended() => Err(why),
        };
        match erased {
            Err(Error::Drained) => {
                let version = self.scope.sync_state(claim.sync).await?.manifest_version;
                self.release(claim, lease, version).await
            }
            Err(error) if error.ends_run() => finish::fail_early(self, claim, None, &error).await.map(Executed::ended),
            other => other.map(Executed::ended),
        }
    }

    /// Gives the run back as it is. A renewal that came after it would make the next worker wait.
    async fn release(&self, claim: &Claim, lease: &Lease, manifest_version: u64) -> Result<Executed, Error> {
        lease.quiet().await;
        self.scope.release(claim, manifest_version).await?;
        Ok(Executed::Released { run: claim.run })
    }

    async fn prepare(
        &self,
        claim: Claim,
        lease: Lease,
        progress: &Reporter,
        log: AttemptLog,
    ) -> Result<Prepared, (Error, Lease)> {
        let opened = tokio::select! {
            opened = self.open(&claim, &log) => opened,
            why = lease.ended() => Err(why),
        };
        match opened {
            Ok(opened) => {
                let Opened { met, options, objects, approval, layout, form, course, differences, manifest_version } =
                    opened;
                let state = State { manifest_version, ..State::default() };
                let job = Job {
                    settings: self.settings.clone(),
                    workspace: self.workspace.clone(),
                    scope: self.scope.clone(),
                    claim,
                    options,
                    lease,
                    progress: progress.clone(),
                    objects,
                    source: met.source,
                    client: met.client,
                    stream: met.stream,
                    message: met.message.aligned(layout.used()),
                    layout,
                    form,
                    approval,
                    preview: false,
                    state: Mutex::new(state),
                    log,
                };
                Ok(Prepared { job, course, differences })
            }
            Err(error) => Err((error, lease)),
        }
    }

    async fn open(&self, claim: &Claim, log: &AttemptLog) -> Result<Opened, Error> {
        let mut options: RunOptions = serde_json::from_value(claim.options.clone()).map_err(Error::Options)?;
        options.check(claim.kind)?;
        let objects = objects(&self.settings, &self.workspace)?;
        log::account(log, &self.scope, claim, &self.workspace.hash_key).await?;
        let met = job::meet(self, claim, &claim.run.to_string(), Some(log.calls().clone())).await?;
        let form = self.scope.add_form(claim.sync, &met.form).await?;
        let forms = self.scope.forms(claim.sync).await?;
        let mut manifest_version = claim.manifest_version;
        if let Some(repair) = options.repair {
            let repaired = repair::apply(&self.scope, claim, &objects, repair, &mut manifest_version).await?;
            // A snapshot that is whole needs no repair; after a take-over it may be the one that this run has repaired.
            if !repaired && claim.epoch == claim.first_epoch {
                options.repair = None;
            }
        }
        let layers = manifest::read(&self.scope, claim.sync).await?;
        let snapshot = snapshots::Snapshot::open(&objects, &layers.manifest, claim.now).await?;
        let (differences, older) = job::differences(claim, &met, &snapshot, &forms).await?;
        let layout = Layout::new(&met.used, &met.columns, (form, &met.form), &older);
        if let Some(answer) = &options.guard {
            approval::answer(&self.scope, answer).await?;
        }
        let approval = approval::given(&self.scope, claim.sync).await?;
        let course = pipeline::course(claim, &options, &differences);
        Ok(Opened { met, options, objects, approval, layout, form, course, differences, manifest_version })
    }
}

struct Prepared {
    job: Job,
    course: Option<Course>,
    differences: Differences,
}

struct Opened {
    met: job::Met,
    options: RunOptions,
    objects: Objects,
    approval: Option<store::Approval>,
    layout: Layout,
    form: engine::form::FormId,
    course: Option<Course>,
    differences: Differences,
    manifest_version: u64,
}

/// The object storage of a workspace.
pub(crate) fn objects(settings: &Settings, workspace: &Workspace) -> Result<Objects, Error> {
    Ok(settings.storage()?.within(&workspace.id.to_string())?)
}
