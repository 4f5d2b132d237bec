//! Short work that a worker does for the API: tests, describes, previews, verifications.

use domain::{JobId, Millis, Work, WorkspaceId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::types::time::OffsetDateTime;
use uuid::Uuid;

use crate::codec::{clean_json, from_json, from_word, millis, to_json, to_text, word};
use crate::error::database;
use crate::{Error, Scope, Store};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobState {
    Queued,
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    pub id: JobId,
    pub work: Work,
    pub state: JobState,
    pub created_at: Millis,
    pub started_at: Option<Millis>,
    pub ended_at: Option<Millis>,
    pub result: Option<Value>,
    pub problem: Option<JobProblem>,
}

/// Why a job failed: a code for machines, a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobProblem {
    pub code: String,
    pub detail: String,
}

/// A job in a worker's hands.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimedJob {
    pub id: JobId,
    pub work: Work,
    /// This one included. A job that kills its workers is given up.
    pub attempts: u32,
}

impl JobState {
    pub const fn ended(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

impl Scope {
    /// Queues a job, unless `at_most` of this workspace are open already: `Error::Limit`.
    pub async fn create_job(&self, work: &Work, requested_by: &Value, at_most: u32) -> Result<JobId, Error> {
        let id = Uuid::now_v7();
        let mut tx = self.begin().await?;
        let made = sqlx::query!(
            "insert into job (workspace_id, id, kind, params, requested_by)
             select $1, $2, $3, $4, $5
             where (select count(*) from job where workspace_id = $1 and state in ('queued', 'running')) < $6",
            self.workspace_uuid(),
            id,
            work.kind(),
            to_json("a job", work)?,
            requested_by,
            i64::from(at_most),
        )
        .execute(&mut *tx)
        .await
        .map_err(database("queue a job"))?;
        if made.rows_affected() == 0 {
            return Err(Error::Limit { what: "open jobs", limit: u64::from(at_most) });
        }
        sqlx::query!("select pg_notify('rowcast', 'job')").execute(&mut *tx).await.map_err(database("queue a job"))?;
        tx.commit().await.map_err(database("queue a job"))?;
        Ok(JobId::from_uuid(id))
    }

    pub async fn job(&self, id: JobId) -> Result<Job, Error> {
        sqlx::query_as!(
            StoredJob,
            "select id, params, state, created_at, started_at, ended_at, result, problem from job
             where workspace_id = $1 and id = $2",
            self.workspace_uuid(),
            id.uuid(),
        )
        .fetch_optional(&mut *self.begin().await?)
        .await
        .map_err(database("read a job"))?
        .ok_or_else(|| Error::not_found("job", id))?
        .try_into()
    }

    /// The worker that claimed it tells how it ended. One whose lease ended and that another worker took is left alone.
    pub async fn finish_job(&self, id: JobId, worker: &str, outcome: &Result<Value, JobProblem>) -> Result<(), Error> {
        let (state, result, problem) = match outcome {
            Ok(result) => (JobState::Succeeded, Some(to_text("the result of a job", &clean_json(result))?), None),
            Err(problem) => {
                let problem = serde_json::to_value(problem).map_err(Error::corrupt("the problem of a job"))?;
                (JobState::Failed, None, Some(clean_json(&problem)))
            }
        };
        let mut tx = self.begin().await?;
        sqlx::query!(
            "update job set state = $4, result = $5::text::json, problem = $6, ended_at = now()
             where workspace_id = $1 and id = $2 and worker = $3 and state = 'running'",
            self.workspace_uuid(),
            id.uuid(),
            worker,
            word(&state)?,
            result,
            problem,
        )
        .execute(&mut *tx)
        .await
        .map_err(database("finish a job"))?;
        tx.commit().await.map_err(database("finish a job"))
    }

    /// Jobs older than this are forgotten, with their results.
    pub async fn forget_jobs(&self, older_than_ms: Millis) -> Result<u64, Error> {
        let mut tx = self.begin().await?;
        let gone = sqlx::query!(
            "delete from job where workspace_id = $1 and created_at < now() - $2::bigint * interval '1 millisecond'",
            self.workspace_uuid(),
            older_than_ms,
        )
        .execute(&mut *tx)
        .await
        .map_err(database("forget old jobs"))?;
        tx.commit().await.map_err(database("forget old jobs"))?;
        Ok(gone.rows_affected())
    }
}

impl Store {
    /// Takes the oldest job that waits, or whose worker is gone; at most `at_once` of a workspace are at work. None of the
    /// kinds in `no_kinds`.
    pub async fn claim_job(
        &self,
        worker: &str,
        lease_ms: Millis,
        at_once: u32,
        no_kinds: &[&str],
    ) -> Result<Option<(WorkspaceId, ClaimedJob)>, Error> {
        let no_kinds: Vec<String> = no_kinds.iter().map(|kind| (*kind).to_owned()).collect();
        let mut tx = self.pool.begin().await.map_err(database("begin a transaction"))?;
        let picked = sqlx::query!(
            "select workspace_id as \"workspace_id!\", job_id as \"job_id!\" from claimable_job($1, $2)",
            at_once.cast_signed(),
            &no_kinds,
        )
        .fetch_optional(&mut *tx)
        .await
        .map_err(database("find a job to claim"))?;
        let Some(picked) = picked else { return Ok(None) };
        let scope = self.scope(WorkspaceId::from_uuid(picked.workspace_id));
        scope.enter(&mut tx).await?;
        let job = sqlx::query!(
            "update job set
                state = 'running', worker = $3, started_at = now(), attempts = attempts + 1,
                lease_until = now() + $4::bigint * interval '1 millisecond'
             where workspace_id = $1 and id = $2
             returning id, params, attempts",
            scope.workspace_uuid(),
            picked.job_id,
            worker,
            lease_ms,
        )
        .fetch_one(&mut *tx)
        .await
        .map_err(database("claim a job"))?;
        tx.commit().await.map_err(database("claim a job"))?;
        let id = JobId::from_uuid(job.id);
        let job = ClaimedJob { id, work: from_json("a job", job.params)?, attempts: job.attempts.cast_unsigned() };
        Ok(Some((scope.workspace(), job)))
    }
}

struct StoredJob {
    id: Uuid,
    params: Value,
    state: String,
    created_at: OffsetDateTime,
    started_at: Option<OffsetDateTime>,
    ended_at: Option<OffsetDateTime>,
    result: Option<Value>,
    problem: Option<Value>,
}

impl TryFrom<StoredJob> for Job {
    type Error = Error;

    fn try_from(stored: StoredJob) -> Result<Self, Error> {
        let problem = stored.problem.map(|problem| from_json("the problem of a job", problem));
        Ok(Self {
            id: JobId::from_uuid(stored.id),
            work: from_json("a job", stored.params)?,
            state: from_word("the state of a job", stored.state)?,
            created_at: millis(stored.created_at),
            started_at: stored.started_at.map(millis),
            ended_at: stored.ended_at.map(millis),
            result: stored.result,
            problem: problem.transpose()?,
        })
    }
}
