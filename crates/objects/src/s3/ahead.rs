//! Reads of one object that follow each other are read ahead, so that going through it does not wait for the network each
//! time. Objects never change, so what was read stays true.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use object_store::ObjectStoreExt;
use object_store::aws::AmazonS3;
use object_store::path::Path;

/// What is held and on its way, for all objects of a bucket.
const HELD: u64 = 32 << 20;
/// The first piece that is read ahead of an object; each further one is twice as long ...
const FIRST: u64 = 256 << 10;
/// ... up to this.
const LONGEST: u64 = 4 << 20;
/// A read that begins so little behind the last one goes on with it.
const GAP: u64 = 512 << 10;
/// After so many reads of others an object counts as left.
const FORGOTTEN: u64 = 1_000;
const MOST_OBJECTS: usize = 256;

#[derive(Debug, Default)]
pub(crate) struct Ahead(Mutex<Objects>);

#[derive(Debug, Default)]
struct Objects {
    clock: u64,
    held: u64,
    objects: HashMap<Path, Object>,
}

#[derive(Debug)]
struct Object {
    used: u64,
    /// Where the last read ended.
    end: u64,
    /// How much is read ahead next time.
    step: u64,
    /// Without gaps between them.
    pieces: VecDeque<Piece>,
}

#[derive(Debug, Clone)]
struct Piece {
    /// As it was asked for; the object may end before.
    range: Range<u64>,
    bytes: Shared<BoxFuture<'static, Option<Bytes>>>,
}

impl Ahead {
    /// The bytes of a range, fewer if the object ends before. `None`: nothing was read ahead, or that failed.
    pub(crate) async fn read(&self, s3: &Arc<AmazonS3>, path: &Path, range: &Range<u64>) -> Option<Bytes> {
        let pieces = self.objects().next(s3, path, range);
        let mut found: Option<BytesMut> = None;
        for Piece { range: whole, bytes } in &pieces {
            let bytes = bytes.clone().await?;
            let at = |position: u64| (position.clamp(whole.start, whole.end) - whole.start) as usize;
            let end = at(range.end);
            if bytes.len() < end {
                return None;
            }
            let part = bytes.slice(at(range.start)..end);
            if pieces.len() == 1 {
                return Some(part);
            }
            found.get_or_insert_default().extend_from_slice(&part);
        }
        found.map(BytesMut::freeze)
    }

    /// An object that is deleted is not read from memory any more.
    pub(crate) fn forget(&self, path: &Path) {
        let mut objects = self.objects();
        objects.remove(path);
    }

    fn objects(&self) -> MutexGuard<'_, Objects> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Objects {
    /// The pieces that have the range, if it was read ahead; and sees to it that the next one is on its way.
    fn next(&mut self, s3: &Arc<AmazonS3>, path: &Path, range: &Range<u64>) -> Vec<Piece> {
        self.clock += 1;
        let clock = self.clock;
        let fresh = || Object { used: clock, end: range.end, step: FIRST, pieces: VecDeque::new() };
        let Some(object) = self.objects.get_mut(path) else {
            self.make_room(0);
            self.objects.insert(path.clone(), fresh());
            return Vec::new();
        };
        let goes_on = range.start >= object.end && range.start - object.end <= GAP;
        if !goes_on {
            self.remove(path);
            self.objects.insert(path.clone(), fresh());
            return Vec::new();
        }
        (object.used, object.end) = (clock, range.end);
        let has = object.pieces.front().is_some_and(|first| first.range.start <= range.start)
            && object.pieces.back().is_some_and(|last| last.range.end >= range.end);
        let pieces = object.pieces.iter().filter(|piece| has && overlap(&piece.range, range)).cloned().collect();
        // What lies behind is not asked for again.
        while object.pieces.front().is_some_and(|first| first.range.end <= range.end || !has) {
            let gone = object.pieces.pop_front().map_or(0, |piece| piece.length());
            self.held -= gone;
        }
        self.fetch(s3, path, range);
        pieces
    }

    fn fetch(&mut self, s3: &Arc<AmazonS3>, path: &Path, read: &Range<u64>) {
        let share = HELD / 2 / self.objects.len().max(1) as u64;
        let Some(object) = self.objects.get_mut(path) else { return };
        let ended = object.pieces.back().and_then(|last| last.bytes.peek().map(|bytes| (bytes, last.length())));
        if ended.is_some_and(|(bytes, asked)| bytes.as_ref().is_none_or(|bytes| (bytes.len() as u64) < asked)) {
            return;
        }
        let step = object.step.max(2 * (read.end - read.start)).min(LONGEST.min(share).max(FIRST));
        let start = object.pieces.back().map_or(read.end, |last| last.range.end);
        if start - read.end > step / 2 {
            return;
        }
        object.step = (step * 2).min(LONGEST);
        let range = start..start + step;
        let (s3, from, wanted) = (Arc::clone(s3), path.clone(), range.clone());
        let task = tokio::spawn(async move { s3.get_range(&from, wanted).await.ok() });
        let bytes = task.map(|read| read.ok().flatten()).boxed().shared();
        object.pieces.push_back(Piece { range, bytes });
        self.held += step;
        self.make_room(self.clock);
    }

    /// Lets go of what was not used for long, and of more if there is too much. What was used just now stays.
    fn make_room(&mut self, now: u64) {
        loop {
            let oldest = self.objects.iter().min_by_key(|(_, object)| object.used);
            let Some((path, used)) = oldest.map(|(path, object)| (path.clone(), object.used)) else { return };
            let too_much = self.held > HELD || self.objects.len() >= MOST_OBJECTS;
            if used == now || !(too_much || self.clock - used > FORGOTTEN) {
                return;
            }
            self.remove(&path);
        }
    }

    fn remove(&mut self, path: &Path) {
        if let Some(object) = self.objects.remove(path) {
            self.held -= object.pieces.iter().map(Piece::length).sum::<u64>();
        }
    }
}

impl Piece {
    fn length(&self) -> u64 {
        self.range.end - self.range.start
    }
}

fn overlap(one: &Range<u64>, other: &Range<u64>) -> bool {
    one.start < other.end && other.start < one.end
}
