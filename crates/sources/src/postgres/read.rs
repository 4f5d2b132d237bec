//! The rows of a query, as chunks in canonical form.

use std::pin::Pin;
use std::time::Duration;

use domain::Column;
use futures::StreamExt;
use futures::future::try_join_all;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_postgres::CopyOutStream;

use super::copy::{Chunk, Parser};
use super::describe::{Described, DescribedColumn, begin, begin_at, describe_in, prepare, state};
use super::failure::Text;
use super::session::Session;
use super::settings::Settings;
use crate::Error;

#[derive(Debug, Clone, Copy)]
pub struct ReadOptions {
    /// How long the server may send nothing; also how long it may take to the first row.
    pub idle: Duration,
    /// How long all of it may take, pauses of ours included.
    pub total: Option<Duration>,
    /// The size at which a chunk is handed out. A chunk holds whole rows, so it may be larger.
    pub chunk_bytes: usize,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self { idle: Duration::from_secs(15 * 60), total: None, chunk_bytes: 256 << 10 }
    }
}

/// For so long a few rows wait for more.
const PATIENCE: Duration = Duration::from_millis(100);

/// A read that goes on. Dropped before its end, it is canceled on the server.
pub struct Reader {
    session: Session,
    stream: Pin<Box<CopyOutStream>>,
    parser: Parser,
    /// What was received, and how much of it was parsed.
    received: Vec<u8>,
    parsed: usize,
    /// What was read and not handed out. It stays here while `next` waits, so that dropping its future loses nothing.
    chunk: Chunk,
    spare: Option<Chunk>,
    limits: Limits,
    chunk_bytes: usize,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Reading,
    /// The stream ended; whether the read did is not known yet.
    StreamEnded,
    Ended,
    Failed,
}

/// Runs the query, described anew, and reads the given columns in the given order. The columns are found by name and
/// must still have the type that they were described with.
///
/// Returns once the server sends something, which it may do only with the first rows. Dropping the future cancels.
pub async fn read(
    settings: &Settings,
    query: &str,
    columns: &[Column],
    options: &ReadOptions,
) -> Result<Reader, Error> {
    let (reader, _) = open(settings, query, Wanted::Described(columns), Rows::All, options).await?;
    Ok(reader)
}

/// Like [`read`], through several connections at the same time, which see one state of the database. Each runs the whole
/// query and reads the rows whose keys fall to it, so the query must have the same rows each time.
pub async fn read_in_parts(
    settings: &Settings,
    query: &str,
    columns: &[Column],
    key: &[String],
    parts: u32,
    options: &ReadOptions,
) -> Result<Vec<Reader>, Error> {
    const DOING: &str = "beginning to read through several connections";
    const JOINING: Duration = Duration::from_secs(60);
    if parts <= 1 {
        return Ok(vec![read(settings, query, columns, options).await?]);
    }
    let limits = Limits::new(options);
    let mut first = Session::open(settings).await?;
    let beginning = async {
        begin(&mut first, options.total).await?;
        // From here on its tables stay what they are.
        describe_in(&mut first, query).await?;
        state(&mut first).await
    };
    let state = limits.wait(DOING, beginning).await??;
    // All of them see it before the first may end.
    let join = async |_| {
        let mut session = Session::open(settings).await?;
        begin_at(&mut session, options.total, &state).await?;
        Ok::<_, Error>(session)
    };
    let others = timeout(JOINING, try_join_all((1..parts).map(join))).await;
    let others = others.map_err(|_elapsed| Error::Timeout { doing: DOING, limit: JOINING })??;
    let start = async |(part, mut session): (u32, Session)| {
        let rows = Rows::OfPart(Part { key, part, parts });
        let starting = start(&mut session, query, Wanted::Described(columns), rows);
        let (started, _) = limits.wait(STARTING, starting).await??;
        Ok(Reader::new(session, started, limits, options))
    };
    try_join_all((0..).zip([first].into_iter().chain(others)).map(start)).await
}

const STARTING: &str = "starting the query";

/// Which columns of a query.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted<'a> {
    All,
    Named(&'a [String]),
    /// They must still have these types.
    Described(&'a [Column]),
}

/// Which rows of a query.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rows<'a> {
    All,
    /// No more than these are asked for.
    First(u64),
    OfPart(Part<'a>),
}

/// Every row falls to one part, by its key as text, a null or not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'a> {
    key: &'a [String],
    part: u32,
    parts: u32,
}

/// Like [`read`], with the columns that were found.
pub(super) async fn open(
    settings: &Settings,
    query: &str,
    wanted: Wanted<'_>,
    rows: Rows<'_>,
    options: &ReadOptions,
) -> Result<(Reader, Vec<Column>), Error> {
    let limits = Limits::new(options);
    let mut session = Session::open(settings).await?;
    let starting = async {
        begin(&mut session, options.total).await?;
        start(&mut session, query, wanted, rows).await
    };
    let (started, columns) = limits.wait(STARTING, starting).await??;
    Ok((Reader::new(session, started, limits, options), columns))
}

impl Reader {
    fn new(session: Session, started: Started, limits: Limits, options: &ReadOptions) -> Self {
        let Started { stream, parser } = started;
        Self {
            session,
            stream,
            parser,
            received: Vec::new(),
            parsed: 0,
            chunk: Chunk::default(),
            spare: None,
            limits,
            chunk_bytes: options.chunk_bytes,
            state: State::Reading,
        }
    }

    /// The next rows. Only `None` says that all rows were read: before, an error may still follow.
    ///
    /// `next` may be dropped while it waits and called again.
    pub async fn next(&mut self) -> Result<Option<Chunk>, Error> {
        match self.state {
            State::Failed => return Err(Error::Failed),
            State::Reading | State::StreamEnded => {
                if let Err(error) = self.fill().await {
                    self.state = State::Failed;
                    return Err(error);
                }
            }
            State::Ended => {}
        }
        let spare = if self.chunk.is_empty() { Chunk::default() } else { self.spare.take().unwrap_or_default() };
        let chunk = std::mem::replace(&mut self.chunk, spare);
        Ok(if chunk.is_empty() { None } else { Some(chunk) })
    }

    /// Takes back a chunk that is done with: its memory is used for the next one.
    pub fn reuse(&mut self, mut chunk: Chunk) {
        chunk.clear();
        self.spare = Some(chunk);
    }

    /// How many rows were read so far.
    pub fn rows(&self) -> u64 {
        self.parser.rows
    }

    /// Cancels the query on the server and waits until it has stopped, for some seconds at most. Dropping the reader
    /// does the same without waiting.
    pub async fn cancel(self) {
        self.session.cancel().await;
    }

    async fn fill(&mut self) -> Result<(), Error> {
        while self.chunk.bytes() < self.chunk_bytes {
            let rest = &self.received[self.parsed..];
            if !rest.is_empty() {
                let pushed = self.parser.push(rest, &mut self.chunk, self.chunk_bytes);
                self.parsed += pushed.map_err(|reason| Error::Malformed { row: self.parser.rows + 1, reason })?;
            } else if self.state == State::Reading {
                if !self.receive().await? {
                    self.state = State::StreamEnded;
                }
                self.parsed = 0;
            } else {
                break;
            }
        }
        match self.state {
            State::StreamEnded if self.parsed == self.received.len() => self.finish().await,
            _ => Ok(()),
        }
    }

    /// Receives some rows, and says whether more may follow. The stream itself has none of them: they are diverted, and
    /// what is held when it ends are the last ones.
    async fn receive(&mut self) -> Result<bool, Error> {
        let Self { session, stream, limits, .. } = self;
        let rows = &session.overheard.rows;
        let arriving = async {
            loop {
                tokio::select! {
                    biased;
                    ended = stream.next() => return Some(ended),
                    () = rows.enough() => {}
                    () = sleep(PATIENCE) => {}
                }
                if rows.any() {
                    return None;
                }
            }
        };
        limits.check_total()?;
        let ended = limits.wait("reading rows", arriving).await?;
        match ended {
            Some(Some(Err(cause))) => return Err(self.session.explain(cause, None).await),
            Some(Some(Ok(_))) => {
                let reason = "a row came another way than all others";
                return Err(Error::Malformed { row: self.parser.rows + 1, reason });
            }
            Some(None) | None => {}
        }
        self.session.overheard.rows.take(&mut self.received);
        Ok(ended.is_none())
    }

    /// The trailer must have come, the statement must have ended without an error, and the server must have sent as
    /// many rows as were read. tokio-postgres gives no access to the message that says so and follows the stream; it
    /// calls it unexpected when it is asked for more. By then the count was overheard. A COMMIT would tell as much,
    /// but could not be waited for by a future that may be dropped.
    async fn finish(&mut self) -> Result<(), Error> {
        let rows = self.parser.rows;
        if !self.parser.ended() {
            return Err(Error::Incomplete { rows, reason: "its end is missing".to_owned() });
        }
        let after = self.limits.wait("ending the read", self.stream.next()).await?;
        if let Some(Err(cause)) = after
            && (cause.as_db_error().is_some() || cause.is_closed())
        {
            return Err(self.session.explain(cause, None).await);
        }
        match self.session.overheard.copied() {
            Some(sent) if sent == rows => {}
            Some(sent) => {
                return Err(Error::Incomplete { rows, reason: format!("the server says that it sent {sent}") });
            }
            None => {
                return Err(Error::Incomplete { rows, reason: "the server did not say how many it sent".to_owned() });
            }
        }
        self.session.done();
        self.state = State::Ended;
        Ok(())
    }
}

/// A query whose rows are on their way.
struct Started {
    stream: Pin<Box<CopyOutStream>>,
    parser: Parser,
}

/// In the transaction that was begun.
async fn start(
    session: &mut Session,
    query: &str,
    wanted: Wanted<'_>,
    rows: Rows<'_>,
) -> Result<(Started, Vec<Column>), Error> {
    let described = describe_in(session, query).await?;
    let wanted = choose(&described, wanted)?;
    let (copy, offset) = copy_statement(&described.text, &wanted, rows);
    let text = Text { text: &described.text, offset };
    let statement = prepare(session, &copy, text).await?;
    match session.client.copy_out(&statement).await {
        Ok(stream) => {
            let wires = wanted.iter().map(|column| column.reading.wire).collect();
            let columns = wanted.iter().map(|column| column.column.clone()).collect();
            Ok((Started { stream: Box::pin(stream), parser: Parser::new(wires) }, columns))
        }
        Err(cause) => Err(session.explain(cause, Some(text)).await),
    }
}

fn choose<'a>(described: &'a Described, wanted: Wanted<'_>) -> Result<Vec<&'a DescribedColumn>, Error> {
    let find = |name: &String| {
        let found = described.columns.iter().find(|column| column.column.name == *name);
        found.ok_or_else(|| Error::MissingColumn(name.clone()))
    };
    let chosen: Vec<_> = match wanted {
        Wanted::All => described.columns.iter().collect(),
        Wanted::Named(names) => names.iter().map(find).collect::<Result<_, _>>()?,
        Wanted::Described(columns) => {
            let same = |wanted: &Column| {
                let found = find(&wanted.name)?;
                if found.column.kind == wanted.kind {
                    return Ok(found);
                }
                let (was, is) = (wanted.kind.clone(), found.column.kind.clone());
                Err(Error::ChangedColumn { name: wanted.name.clone(), was, is })
            };
            columns.iter().map(same).collect::<Result<_, _>>()?
        }
    };
    if chosen.is_empty() { Err(Error::NoColumnWanted) } else { Ok(chosen) }
}

/// The statement, and how many characters stand before the user's text. The closing bracket stands on a line of its
/// own, because the text may end with a comment.
fn copy_statement(text: &str, columns: &[&DescribedColumn], rows: Rows<'_>) -> (String, usize) {
    let list: Vec<_> = columns.iter().map(|column| column.reading.cast.of(&qualified(&column.column.name))).collect();
    let before = format!("COPY (SELECT {} FROM (\n", list.join(", "));
    let (before, which) = match rows {
        Rows::All => (before, String::new()),
        Rows::First(rows) => (before, format!(" LIMIT {rows}")),
        // The fence keeps the condition out of the query, which so has the plan that it has through one connection.
        Rows::OfPart(part) => {
            (format!("{before}SELECT * FROM (\n"), format!(" OFFSET 0) AS q WHERE {}", part.condition()))
        }
    };
    let offset = before.chars().count();
    (format!("{before}{text}\n) AS q{which}) TO STDOUT (FORMAT binary)"), offset)
}

/// A column of the query.
fn qualified(name: &str) -> String {
    format!("q.\"{}\"", name.replace('"', "\"\""))
}

impl Part<'_> {
    /// Columns of a key may have collations that do not go together.
    fn condition(&self) -> String {
        let Self { key, part, parts } = self;
        let key: Vec<_> = key.iter().map(|name| format!("{}::pg_catalog.text", qualified(name))).collect();
        let hash = format!(
            "pg_catalog.hashtextextended(pg_catalog.concat_ws('/', {}) COLLATE pg_catalog.\"C\", 0)",
            key.join(", ")
        );
        let positive = format!("{hash} OPERATOR(pg_catalog.&) {}", i64::MAX);
        let part_of = format!("({positive}) OPERATOR(pg_catalog.%) {parts}::pg_catalog.int8");
        format!("({part_of}) OPERATOR(pg_catalog.=) {part}::pg_catalog.int8")
    }
}

/// The deadlines of a read.
#[derive(Debug, Clone, Copy)]
struct Limits {
    idle: Duration,
    total: Option<(Instant, Duration)>,
}

impl Limits {
    fn new(options: &ReadOptions) -> Self {
        Self { idle: options.idle, total: options.total.map(|total| (Instant::now() + total, total)) }
    }

    async fn wait<T>(&self, doing: &'static str, work: impl Future<Output = T>) -> Result<T, Error> {
        let idle = (Instant::now() + self.idle, self.idle);
        let (deadline, limit) = self.total.filter(|total| total.0 < idle.0).unwrap_or(idle);
        timeout_at(deadline, work).await.map_err(|_elapsed| Error::Timeout { doing, limit })
    }

    fn check_total(&self) -> Result<(), Error> {
        match self.total {
            Some((deadline, limit)) if Instant::now() >= deadline => {
                Err(Error::Timeout { doing: "reading rows", limit })
            }
            _ => Ok(()),
        }
    }
}
