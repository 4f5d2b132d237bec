use std::collections::BTreeMap;

use domain::Change;
use serde_json::json;
use store::{Checkpoint, NewInvalidRow, NewRejection};

use crate::fixture::{Fixture, succeeded, unit};

fn rejection(number: u8, code: &str) -> NewRejection {
    let (unit, key) = (unit(number), json!({"id": number}));
    NewRejection { unit, key, op: Change::Added, code: code.to_owned(), message: "too \0 large".to_owned() }
}

#[tokio::test]
async fn a_rejection_remembers_when_its_unit_was_first_rejected_until_a_run_delivers_it() {
    let fixture = Fixture::new().await;
    let mut first = None;
    // Rejected, rejected again by an attempt that dies, by the one after it, then delivered, then rejected anew.
    for (codes, tries) in [(vec!["a"], 1), (vec!["b", "c"], 3), (vec![""], 0), (vec!["d"], 1)] {
        let mut claim = fixture.claim().await;
        let mut version = claim.manifest_version;
        for (index, code) in codes.iter().enumerate() {
            if index > 0 {
                claim = fixture.take_over(&claim).await;
                version = claim.manifest_version;
            }
            if !code.is_empty() {
                let rejections = vec![rejection(1, code), rejection(2, code)];
                let checkpoint = Checkpoint { rejections, ..Checkpoint::default() };
                fixture.scope.checkpoint(&claim, &mut version, &checkpoint).await.unwrap();
            }
        }
        fixture.scope.finish(&claim, version, &succeeded(&claim)).await.unwrap();
        let listed = fixture.scope.rejections(claim.run).await.unwrap();
        assert_eq!(listed.len(), if tries == 0 { 0 } else { 2 });
        let Some(rejection) = listed.first() else { continue };
        assert_eq!((rejection.tries, rejection.unit, &rejection.code[..]), (tries, unit(1), *codes.last().unwrap()));
        assert_eq!(rejection.message, "too \u{fffd} large");
        let first_run = *first.get_or_insert(claim.run);
        assert_eq!(rejection.first_seen_run == first_run, codes != ["d"]);
    }
}

#[tokio::test]
async fn ten_thousand_are_listed_and_all_are_counted() {
    let fixture = Fixture::new().await;
    let claim = fixture.claim().await;
    let mut version = claim.manifest_version;
    for _ in 0..3 {
        let invalid_rows =
            vec![NewInvalidRow { key: json!(null), code: "null-key".to_owned(), message: String::new() }; 4_000];
        let checkpoint = Checkpoint {
            rejections: (0..4_000).map(|n| rejection(1, if n == 0 { "rare" } else { "common" })).collect(),
            invalid_rows,
            invalid_by_code: BTreeMap::from([("null-key".to_owned(), 5_000)]),
            ..Checkpoint::default()
        };
        fixture.scope.checkpoint(&claim, &mut version, &checkpoint).await.unwrap();
    }
    assert_eq!(fixture.scope.rejections(claim.run).await.unwrap().len(), 10_000);
    assert_eq!(fixture.scope.invalid_rows(claim.run).await.unwrap().len(), 10_000);
    let tallies = fixture.scope.tallies(claim.run).await.unwrap();
    assert_eq!(tallies.rejections, BTreeMap::from([("common".to_owned(), 11_997), ("rare".to_owned(), 3)]));
    assert_eq!(tallies.invalid_rows, BTreeMap::from([("null-key".to_owned(), 15_000)]));
}
