//! Which units a run was asked to send or to dismiss, from rejections that stand or from the log of a past run.

use std::collections::HashMap;

use domain::{Change, Column, RunId};
use outcomes::{Outcome, Reader, RowFilter, RowFound, RowOutcome, Values};
use serde_json::Value as Json;
use spill::Scratch;
use store::{LogKind, RejectingAttempt};

use crate::Error;
use crate::course::{ChosenRows, PutOutcome, SendRows};
use crate::job::Job;
use crate::key_json::{row_key, texts};
use crate::log::reference;
use crate::plan::logged;
use crate::plan::picks::{Found, Mode, Pick, PickSpill, Picks};
use crate::plan::unsent::{Unsent, Why};

/// Rejections, and rows of the log, that are read at once.
const REJECTIONS: u32 = 5_000;
const ROWS: usize = 5_000;

pub(super) async fn gather(job: &Job, rows: &ChosenRows) -> Result<Picks, Error> {
    let settings = &job.settings;
    let most = settings.limits.spilled_bytes.map_or(settings.scratch_bytes, |most| most.min(settings.scratch_bytes));
    let scratch = Scratch::create(&settings.scratch, &format!("{}-chosen", job.scratch_name()), most)?;
    let mut gathering =
        Gathering { job, spill: PickSpill::new(scratch), keys: NamedKeys::new(job, &rows.keys)?, original: false };
    let dismiss = rows.send == SendRows::Nothing;
    let mode = match rows.run {
        Some(run) => {
            gathering.original = rows.send == SendRows::Original;
            gathering.done_before().await?;
            gathering.run(run, rows.outcome).await?;
            if gathering.original { Mode::Original } else { Mode::Current { rejected: false } }
        }
        None => {
            let code = rows.rejections.as_ref().and_then(|rejections| rejections.code.as_deref());
            gathering.rejections(code).await?;
            if dismiss { Mode::Dismiss } else { Mode::Current { rejected: true } }
        }
    };
    let why = if dismiss { Why::NOT_REJECTED } else { Why::NOT_LOGGED };
    let unsent: Unsent = gathering.keys.missing().map(|key| (key, why)).collect();
    gathering.spill.finish(mode, unsent, settings.plan_memory / 8)
}

struct Gathering<'a> {
    job: &'a Job,
    spill: PickSpill,
    keys: NamedKeys,
    /// The values of the log are wanted.
    original: bool,
}

impl Gathering<'_> {
    /// The newest of each unit first: it says what the rejection of the unit is now.
    async fn rejections(&mut self, code: Option<&str>) -> Result<(), Error> {
        let (scope, sync) = (&self.job.scope, self.job.claim.sync);
        for attempt in scope.rejecting_attempts(sync).await? {
            let mut after = None;
            loop {
                let page = scope.rejected_by(sync, attempt.epoch, after, REJECTIONS).await?;
                after = page.last().map(|(at, _)| *at);
                if after.is_none() {
                    break;
                }
                for (_, rejected) in page {
                    let pick = Pick::chosen(rejected.unit, rejected.op, rejected.key.to_string());
                    self.rejected(pick, &rejected.key, &rejected.code, code)?;
                }
                self.job.lease.check()?;
            }
            if !attempt.all_listed {
                self.logged_rejections(attempt, code).await?;
            }
        }
        Ok(())
    }

    /// The store lists the first of them; the log, if rows are logged, has them all.
    async fn logged_rejections(&mut self, attempt: RejectingAttempt, code: Option<&str>) -> Result<(), Error> {
        let filter = RowFilter { outcomes: vec![Outcome::Rejected], ..RowFilter::default() };
        let mut log = LogOfRun::open(self.job, attempt.run, filter, Values::Skip).await?;
        while let Some(page) = log.page().await? {
            for RowFound { row, .. } in page {
                let (Some(unit), Some(op)) = (row.unit.filter(|_| row.epoch == attempt.epoch), row.op) else {
                    continue;
                };
                let pick = Pick::chosen(unit, op, logged::key_with_element(&row));
                let key = pick.json();
                self.rejected(pick, &key, row.code.as_deref().unwrap_or_default(), code)?;
            }
            self.job.lease.check()?;
        }
        Ok(())
    }

    fn rejected(&mut self, pick: Pick, key: &Json, code: &str, wanted: Option<&str>) -> Result<(), Error> {
        let chosen = wanted.is_none_or(|wanted| wanted == code) && self.keys.name(key);
        self.spill.push(&Pick { found: if chosen { Found::Wanted } else { Found::Skip }, ..pick })
    }

    /// What a run put: delivered, or without an answer. The newest line of a unit counts.
    async fn run(&mut self, run: RunId, outcome: Option<PutOutcome>) -> Result<(), Error> {
        let outcomes = match outcome {
            None => vec![Outcome::Delivered, Outcome::Unanswered],
            Some(PutOutcome::Delivered) => vec![Outcome::Delivered],
            Some(PutOutcome::Unanswered) => vec![Outcome::Unanswered],
        };
        if self.job.scope.run(run).await?.sync != self.job.claim.sync {
            return Err(Error::ChosenRows(format!("{run} is a run of another sync")));
        }
        let filter = RowFilter { outcomes, ..RowFilter::default() };
        let values = if self.original { Values::Read } else { Values::Skip };
        let mut log = LogOfRun::open(self.job, run, filter, values).await?;
        if log.empty {
            return Err(Error::LogExpired { run });
        }
        while let Some(page) = log.page().await? {
            for found in page {
                self.put(&found.row)?;
            }
            self.job.lease.check()?;
        }
        Ok(())
    }

    fn put(&mut self, row: &RowOutcome<'_>) -> Result<(), Error> {
        let (Some(unit), Some(op)) = (row.unit, row.op) else { return Ok(()) };
        if !self.keys.all() && !self.keys.name(&serde_json::from_str(&row.key).unwrap_or_default()) {
            return Ok(());
        }
        let pick = match self.original {
            true => logged::pick(&self.job.layout, self.job.hash_key(), row)?,
            false => Some(Pick::chosen(unit, op, logged::key_with_element(row))),
        };
        pick.map_or(Ok(()), |pick| self.spill.push(&pick))
    }

    /// Removals that an earlier attempt of this run has put again: the snapshot has no trace of them.
    async fn done_before(&mut self) -> Result<(), Error> {
        let claim = &self.job.claim;
        if !self.original || claim.epoch == claim.first_epoch {
            return Ok(());
        }
        let outcomes = vec![Outcome::Delivered];
        let filter = RowFilter { outcomes, op: Some(Change::Removed), ..RowFilter::default() };
        let mut log = LogOfRun::open(self.job, claim.run, filter, Values::Skip).await?;
        while let Some(page) = log.page().await? {
            for unit in page.into_iter().filter_map(|found| found.row.unit) {
                let pick = Pick::chosen(unit, Change::Removed, String::new());
                self.spill.push(&Pick { found: Found::Skip, ..pick })?;
            }
        }
        Ok(())
    }
}

/// The rows of a run in its log, a page at a time, newest object first.
struct LogOfRun {
    reader: Reader,
    objects: Vec<store::LogObject>,
    from: u64,
    filter: RowFilter,
    values: Values,
    empty: bool,
}

impl LogOfRun {
    async fn open(job: &Job, run: RunId, filter: RowFilter, values: Values) -> Result<Self, Error> {
        let objects = job.scope.log_objects(run, LogKind::Rows).await?;
        let (reader, empty) = (Reader::new(job.objects.clone()), objects.is_empty());
        Ok(Self { reader, objects, from: 0, filter, values, empty })
    }

    async fn page(&mut self) -> Result<Option<Vec<RowFound>>, Error> {
        let Some(object) = self.objects.last() else { return Ok(None) };
        let page = self.reader.rows(&reference(object), &self.filter, self.from, ROWS, self.values).await?;
        match page.next {
            Some(next) => self.from = next,
            None => {
                self.objects.pop();
                self.from = 0;
            }
        }
        Ok(Some(page.rows))
    }
}

/// Keys that narrow what is chosen; without any, all of it is.
struct NamedKeys {
    columns: Vec<Column>,
    keys: Vec<(Json, bool)>,
    places: HashMap<Vec<String>, usize>,
}

impl NamedKeys {
    fn new(job: &Job, named: &[Json]) -> Result<Self, Error> {
        let columns: Vec<Column> = job.layout.key_columns().cloned().collect();
        let (mut keys, mut places) = (Vec::new(), HashMap::new());
        for key in named {
            let texts = texts(&row_key(key, &columns), &columns)
                .map_err(|problem| Error::ChosenRows(format!("{key}: {problem}")))?;
            places.entry(texts).or_insert_with(|| {
                keys.push((key.clone(), false));
                keys.len() - 1
            });
        }
        Ok(Self { columns, keys, places })
    }

    const fn all(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether the key, as lists show it, is wanted.
    fn name(&mut self, key: &Json) -> bool {
        if self.all() {
            return true;
        }
        let Ok(texts) = texts(&row_key(key, &self.columns), &self.columns) else { return false };
        let Some(&place) = self.places.get(&texts) else { return false };
        self.keys[place].1 = true;
        true
    }

    fn missing(&self) -> impl Iterator<Item = Json> {
        self.keys.iter().filter(|(_, found)| !found).map(|(key, _)| key.clone())
    }
}
