//! Who works in this process: no workspace gets its last place, so that another one's runs find one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::WorkspaceId;

/// How many runs of each workspace are at work here.
#[derive(Debug)]
pub(super) struct Places {
    /// That one workspace gets.
    most: usize,
    taken: Mutex<HashMap<WorkspaceId, usize>>,
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub(super) struct Taken {
    places: Arc<Places>,
    workspace: WorkspaceId,
}

impl Places {
    /// Of so many places: all but one, and the only one there is.
    pub(super) fn new(all: usize) -> Arc<Self> {
        Arc::new(Self { most: all.saturating_sub(1).max(1), taken: Mutex::default() })
    }

    pub(super) fn take(self: &Arc<Self>, workspace: WorkspaceId) -> Taken {
        *self.taken.lock().unwrap_or_else(PoisonError::into_inner).entry(workspace).or_default() += 1;
        Taken { places: Arc::clone(self), workspace }
    }

    /// Those that have all they get.
    pub(super) fn full(&self) -> Vec<WorkspaceId> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.iter().filter(|(_, runs)| **runs >= self.most).map(|(workspace, _)| *workspace).collect()
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runs) = taken.get_mut(&self.workspace) {
            *runs -= 1;
            if *runs == 0 {
                taken.remove(&self.workspace);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_gets_all_places_but_one_and_the_only_one_there_is() {
        let [one, other] = [1, 2].map(|n| WorkspaceId::from_uuid(uuid::Uuid::from_u128(n)));
        let places = Places::new(3);
        let first = places.take(one);
        let _other = places.take(other);
        assert_eq!(places.full(), []);
        let second = places.take(one);
        assert_eq!(places.full(), [one]);
        drop((first, second));
        assert_eq!(places.full(), []);

        let single = Places::new(1);
        assert_eq!(single.full(), []);
        let _only = single.take(one);
        assert_eq!(single.full(), [one]);
    }
}
