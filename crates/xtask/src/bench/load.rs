//! Asks again and again for some time, and notes how long each answer took.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio_postgres::{NoTls, SimpleQueryMessage};

use super::http::Connection;
use super::place::{self, Place, WORKSPACES};
use crate::Failure;

const SQL: &str = "the same by SQL";
/// Before anything is measured: caches, plans and pools fill.
const WARM_UP: Duration = Duration::from_millis(500);

pub(super) struct Load {
    pub(super) address: SocketAddr,
    pub(super) concurrency: usize,
    pub(super) time: Duration,
}

pub(super) struct Measured {
    pub(super) what: &'static str,
    pub(super) clients: usize,
    time: Duration,
    /// Sorted.
    answers: Vec<Duration>,
}

impl Measured {
    fn new(what: &'static str, clients: usize, time: Duration, mut answers: Vec<Duration>) -> Self {
        answers.sort_unstable();
        Self { what, clients, time, answers }
    }

    pub(super) fn is_sql(&self) -> bool {
        self.what == SQL
    }

    pub(super) fn per_second(&self) -> f64 {
        self.answers.len() as f64 / self.time.as_secs_f64()
    }

    /// In milliseconds: so many of a hundred answers took no longer.
    pub(super) fn percentile(&self, percent: usize) -> f64 {
        let last = self.answers.len().saturating_sub(1);
        self.answers.get(last * percent / 100).map_or(f64::NAN, |answer| answer.as_secs_f64() * 1000.0)
    }
}

impl Load {
    /// Each client has a connection of its own and asks as soon as it was answered. Every answer has to be a good one.
    pub(super) async fn drive(
        &self,
        what: &'static str,
        request: impl Fn(u64) -> String + Clone + Send + 'static,
    ) -> Result<Measured, Failure> {
        let begin = Instant::now() + WARM_UP;
        let end = begin + self.time;
        let clients: Vec<_> = (0..self.concurrency)
            .map(|number| tokio::spawn(client(self.address, number as u64, request.clone(), begin, end)))
            .collect();
        let mut answers = Vec::new();
        for client in clients {
            answers.extend(client.await.map_err(|error| Failure::bench(what, error))?.map_err(|error| {
                // The first sentence of a problem says more than that something failed.
                Failure::bench(what, error)
            })?);
        }
        Ok(Measured::new(what, self.concurrency, self.time, answers))
    }
}

async fn client(
    address: SocketAddr,
    number: u64,
    request: impl Fn(u64) -> String,
    begin: Instant,
    end: Instant,
) -> Result<Vec<Duration>, std::io::Error> {
    let mut connection = Connection::open(address).await?;
    let (mut random, mut answers) = (Random(number), Vec::new());
    loop {
        let text = request(random.next());
        let asked = Instant::now();
        if asked >= end {
            return Ok(answers);
        }
        let status = connection.ask(&text).await?;
        if !(200..300).contains(&status) {
            let line = text.lines().next().unwrap_or_default();
            return Err(std::io::Error::other(format!("{line} was answered with {status}: {}", connection.text())));
        }
        if asked >= begin {
            answers.push(asked.elapsed());
        }
    }
}

/// The statement of the listing, as the service runs it, over one connection.
pub(super) async fn sql(place: &Place, statement: &str, page: u64, time: Duration) -> Result<Measured, Failure> {
    let failed = |source| Failure::bench("list runs by SQL", source);
    let (client, connection) = tokio_postgres::connect(&place.database_url(), NoTls).await.map_err(failed)?;
    let connection = tokio::spawn(connection);
    client.batch_execute(&format!("set role rowcast_app; prepare listing as {statement}")).await.map_err(failed)?;
    let begin = Instant::now() + WARM_UP;
    let (end, mut random, mut answers) = (begin + time, Random(0), Vec::new());
    loop {
        let workspace = place::uuid(1, random.next() % WORKSPACES);
        let (none, more) = ("ffffffff-ffff-ffff-ffff-ffffffffffff", page + 1);
        let ask = format!(
            "begin; set local rowcast.workspace = '{workspace}'; execute listing('{workspace}', '{none}', {more}, null);
             rollback"
        );
        let asked = Instant::now();
        if asked >= end {
            break;
        }
        let answer = client.simple_query(&ask).await.map_err(failed)?;
        let rows = answer.iter().filter(|message| matches!(message, SimpleQueryMessage::Row(_))).count();
        if rows != usize::try_from(more).unwrap_or_default() {
            return Err(Failure::bench("list runs by SQL", std::io::Error::other(format!("{rows} rows came"))));
        }
        if asked >= begin {
            answers.push(asked.elapsed());
        }
    }
    drop(client);
    connection.abort();
    Ok(Measured::new(SQL, 1, time, answers))
}

/// Numbers without a pattern that a database could notice; the same in each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_sorted_answers() {
        let answers = (1..=101).rev().map(Duration::from_millis).collect();
        let measured = Measured::new("x", 1, Duration::from_secs(2), answers);
        assert_eq!((measured.percentile(50), measured.percentile(99)), (51.0, 100.0));
        assert!((measured.per_second() - 50.5).abs() < 1e-9);
        assert!(Measured::new("x", 1, Duration::from_secs(1), Vec::new()).percentile(50).is_nan());
    }
}
