use domain::RunState;
use store::{Error, Finish, NewLogObject};

use super::{calls, key, places, rows, shard};
use crate::fixture::{Fixture, SETTLING};

#[tokio::test]
async fn the_objects_that_may_hold_a_key_come_newest_first_and_in_pages() {
    let fixture = Fixture::new().await;
    for (low, high) in [(0, 99), (100, 255), (50, 150)] {
        let claim = fixture.claim().await;
        let mut version = claim.manifest_version;
        for number in 1..=2 {
            let found = NewLogObject { keys: Some((key(low), key(high))), ..rows(&claim, number) };
            // A call is of no key.
            let other = NewLogObject { keys: found.keys, ..calls(&claim, number) };
            fixture.log(&claim, &mut version, vec![found, other, rows(&claim, 10 + number)]).await.unwrap();
        }
        let finish = Finish::new(&claim, RunState::Succeeded, SETTLING);
        fixture.scope.finish(&claim, version, &finish).await.unwrap();
    }
    let look = async |first, before, limit| {
        places(&fixture.scope.log_objects_of_key(fixture.sync, key(first), before, limit).await.unwrap())
    };
    assert_eq!(look(50, None, 9).await, [(3, 2), (3, 1), (1, 2), (1, 1)]);
    assert_eq!(look(150, None, 9).await, [(3, 2), (3, 1), (2, 2), (2, 1)], "both ends are included");
    assert_eq!(look(151, None, 9).await, [(2, 2), (2, 1)]);
    assert_eq!(look(50, None, 1).await, [(3, 2)]);
    assert_eq!(look(50, Some((3, 2)), 2).await, [(3, 1), (1, 2)]);
    assert_eq!(look(50, Some((1, 1)), 2).await, []);
    let nobody = domain::SyncId::from_uuid(uuid::Uuid::nil());
    assert!(fixture.scope.log_objects_of_key(nobody, key(50), None, 9).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_place_in_a_stream_is_found_by_the_number_not_by_its_text() {
    let fixture = Fixture::new().await;
    let claim = fixture.claim().await;
    let mut version = claim.manifest_version;
    let ranges = [("9", "100"), ("101", "101"), ("102", "99999"), ("90", "110")];
    for (number, (lowest, highest)) in (1..).zip(ranges) {
        let name = if number == 4 { "b" } else { "a" };
        let landed = NewLogObject { shards: vec![shard(name, lowest, highest)], ..rows(&claim, number) };
        fixture.log(&claim, &mut version, vec![landed]).await.unwrap();
    }
    for (shard, sequence_number, found) in [
        ("a", "8", vec![]),
        ("a", "9", vec![1]),
        ("a", "0010", vec![1]),
        ("a", "100", vec![1]),
        ("a", "101", vec![2]),
        ("a", "2000", vec![3]),
        ("a", "100000", vec![]),
        ("b", "101", vec![4]),
        ("c", "101", vec![]),
    ] {
        let objects = fixture.scope.log_objects_at(shard, sequence_number).await.unwrap();
        let numbers: Vec<_> = objects.iter().map(|object| object.number).collect();
        assert_eq!(numbers, found, "{shard} {sequence_number}");
    }
    let refused = fixture.scope.log_objects_at("a", "latest").await;
    assert!(matches!(refused, Err(Error::NotASequenceNumber(_))), "{refused:?}");
}

#[tokio::test]
async fn a_call_is_found_by_its_number_and_the_next_one_has_none_of_the_log() {
    let fixture = Fixture::new().await;
    let first = fixture.claim().await;
    assert_eq!(fixture.scope.next_call(first.run).await.unwrap(), 1);
    let mut version = first.manifest_version;
    // Call 7 was on its way when the first object was made.
    for (number, range) in [(1, (1, 9)), (2, (7, 20)), (3, (21, 21))] {
        let made = NewLogObject { calls: Some(range), ..calls(&first, number) };
        // Rows name calls, and hold none.
        let held = NewLogObject { calls: Some((range.0, range.1 + 1)), ..rows(&first, number) };
        fixture.log(&first, &mut version, vec![made, held]).await.unwrap();
    }
    let second = fixture.take_over(&first).await;
    let look = async |call| places(&fixture.scope.log_objects_of_call(first.run, call).await.unwrap());
    assert_eq!(look(1).await, [(1, 1)]);
    assert_eq!(look(7).await, [(1, 1), (1, 2)]);
    assert_eq!(look(21).await, [(1, 3)]);
    assert_eq!(look(22).await, []);
    assert_eq!(fixture.scope.log_object_of_call(first.run, 21).await.unwrap().map(|found| found.number), Some(3));
    assert_eq!(fixture.scope.log_object_of_call(first.run, 22).await.unwrap(), None);
    assert_eq!(fixture.scope.next_call(second.run).await.unwrap(), 23, "of the run, whatever the attempt");
    let finish = Finish::new(&second, RunState::Succeeded, SETTLING);
    fixture.scope.finish(&second, second.manifest_version, &finish).await.unwrap();
    let other = fixture.claim().await;
    assert_eq!(fixture.scope.next_call(other.run).await.unwrap(), 1);
}
