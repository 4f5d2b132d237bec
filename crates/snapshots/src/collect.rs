//! Which objects nobody can need any more. Pure: the caller lists, asks and deletes.

use std::collections::HashSet;
use std::hash::BuildHasher;

use domain::{Millis, SyncId};
use engine::rules::Epoch;
use objects::{Listed, strip_partial};

use crate::name::ObjectName;

/// What is younger than this is left alone, whatever else is known of it.
pub const COLLECT_AFTER: Millis = 24 * 60 * 60 * 1000;

/// The names, of those listed, that may be deleted: objects and partial files of this sync that no manifest names, of
/// an epoch below the sync's current one, older than 24 hours. `epoch` and `named` must have been read after the
/// listing, in this order of time: an object that was registered in between is then either named or of a newer epoch.
pub fn garbage<S: BuildHasher>(
    listed: &[Listed],
    named: &HashSet<String, S>,
    sync: SyncId,
    epoch: Epoch,
    now: Millis,
) -> Vec<String> {
    let is_garbage = |object: &&Listed| {
        let whole = strip_partial(&object.name).unwrap_or(&object.name);
        let old = now.checked_sub(object.modified).is_some_and(|age| age > COLLECT_AFTER);
        let ours =
            whole.parse::<ObjectName>().is_ok_and(|name| name.segment.sync == sync && name.segment.epoch < epoch);
        ours && old && !named.contains(&object.name)
    };
    listed.iter().filter(is_garbage).map(|object| object.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::{Part, SegmentIdentity, SegmentKind};

    const NOW: Millis = 1_700_000_000_000;

    fn sync(number: u128) -> SyncId {
        SyncId::from_uuid(uuid::Uuid::from_u128(number))
    }

    fn name(of: u128, epoch: Epoch) -> String {
        let segment = SegmentIdentity { sync: sync(of), epoch, number: 3, kind: SegmentKind::Window };
        ObjectName { segment, part: Part::Hashes }.to_string()
    }

    fn collected(name: &str, modified: Millis, named: &[&str]) -> bool {
        let listed = [Listed { name: name.to_owned(), bytes: 1, modified }];
        let named: HashSet<String> = named.iter().map(|name| (*name).to_owned()).collect();
        !garbage(&listed, &named, sync(1), 12, NOW).is_empty()
    }

    #[test]
    fn a_name_says_what_it_names_and_nothing_else_parses() {
        let text = "snapshots/syn_00000000000000000000000000000001/e0000000012-n000003-window.hashes";
        assert_eq!(name(1, 12), text);
        assert_eq!(text.parse::<ObjectName>().unwrap().to_string(), text);
        let long = name(1, u64::MAX);
        assert_eq!(long.parse::<ObjectName>().unwrap().segment.epoch, u64::MAX);
        for other in [
            text.replace("e0000000012", "e12"),
            text.replace("n000003", "n+00003"),
            text.replace("window", "windows"),
            text.replace(".hashes", ".hash"),
            text.replace("-window", "-window-window"),
            text.replace("snapshots", "outcomes"),
            format!("{text}.bak"),
        ] {
            assert!(other.parse::<ObjectName>().is_err(), "{other}");
        }
    }

    #[test]
    fn only_what_is_old_unnamed_and_of_an_earlier_epoch_is_collected() {
        let (old, object) = (NOW - COLLECT_AFTER - 1, name(1, 11));
        assert!(collected(&object, old, &[]));
        assert!(collected(&format!("{object}.partial-3"), old, &[&object]));
        assert!(!collected(&object, NOW - COLLECT_AFTER, &[]), "too young");
        assert!(!collected(&object, NOW + COLLECT_AFTER, &[]), "from the future");
        assert!(!collected(&object, old, &[&object]), "named by a manifest");
        assert!(!collected(&name(1, 12), old, &[]), "of the current epoch");
        assert!(!collected(&format!("{}.partial-0", name(1, 12)), old, &[]), "of the current epoch");
        assert!(!collected(&name(2, 11), old, &[]), "of another sync");
        assert!(!collected("snapshots/README", old, &[]), "not ours");
    }
}
