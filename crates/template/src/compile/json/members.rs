//! The names of the members of an object: none may be there twice.

use std::collections::HashSet;

/// What is known of the names of an object.
#[derive(Debug, Clone, Default)]
pub(super) struct Members {
    /// Two members might get the same name, so the names are compared for each row.
    pub(super) compared: bool,
    /// The literal names that are always there, in no order.
    pub(super) always: Vec<String>,
}

/// The names on the path through the branches that is being read.
#[derive(Debug)]
pub(super) struct Path {
    /// That of the object itself, then those of the bodies of tags.
    frames: Vec<Frame>,
    pub(super) compared: bool,
}

#[derive(Debug, Default)]
struct Frame {
    names: HashSet<String>,
    /// Names of bodies in it that have ended.
    inner: HashSet<String>,
    looped: bool,
}

/// The names of a body that has ended.
pub(super) type Ended = HashSet<String>;

impl Path {
    pub(super) fn new() -> Self {
        Self { frames: vec![Frame::default()], compared: false }
    }

    /// False if the name is there already wherever this member is.
    pub(super) fn add(&mut self, name: &str) -> bool {
        let (last, before) = match self.frames.split_last() {
            Some(split) => split,
            None => return true,
        };
        if last.inner.contains(name) || self.frames.iter().any(|frame| frame.names.contains(name)) {
            return false;
        }
        let possible = before.iter().any(|frame| frame.inner.contains(name));
        self.compared |= possible || self.frames.iter().any(|frame| frame.looped);
        if let Some(last) = self.frames.last_mut() {
            last.names.insert(name.to_owned());
        }
        true
    }

    /// Whether members that are read now are not always there.
    pub(super) const fn conditional(&self) -> bool {
        self.frames.len() > 1
    }

    pub(super) fn enter(&mut self, looped: bool) {
        self.frames.push(Frame { looped, ..Frame::default() });
    }

    pub(super) fn leave(&mut self) -> Ended {
        let frame = self.frames.pop().unwrap_or_default();
        let mut names = frame.names;
        names.extend(frame.inner);
        names
    }

    /// What follows may be there together with members of these names.
    pub(super) fn settle(&mut self, names: Ended) {
        if let Some(last) = self.frames.last_mut() {
            last.inner.extend(names);
        }
    }

    pub(super) fn finish(self) -> Members {
        let compared = self.compared;
        let always = self.frames.into_iter().next().filter(|_| compared);
        Members { compared, always: always.map(|frame| frame.names.into_iter().collect()).unwrap_or_default() }
    }
}
