use std::collections::BTreeMap;

use outcomes::{CallFilter, encode_calls};

use crate::given::{calls, origin};
use crate::log;

#[tokio::test]
async fn calls_are_listed_without_their_bodies_in_pages() {
    let log = log();
    let mut given = calls(0..12_000, 100);
    let encoded = encode_calls(origin(0), &mut given, usize::MAX).unwrap();
    let object = log.put(&encoded).await;
    let (mut from, mut seen) = (Some(0), Vec::new());
    while let Some(at) = from {
        let page = log.reader.calls(&object, &CallFilter::default(), at, 700).await.unwrap();
        seen.extend(page.calls.into_iter().map(|found| found.call));
        from = page.next;
    }
    for call in &mut given {
        for body in [&mut call.request, &mut call.response].into_iter().flatten() {
            body.text = "".into();
        }
    }
    assert!(seen == given);
    assert_eq!((encoded.summary.calls, encoded.summary.numbers), (12_000, Some((0, 11_999))));
}

#[tokio::test]
async fn failures_are_found_among_many_calls() {
    let log = log();
    let mut given = calls(0..3_000, 0);
    let encoded = encode_calls(origin(0), &mut given, usize::MAX).unwrap();
    let object = log.put(&encoded).await;
    let text = |text: &str| Some(text.to_owned());
    let filters = [
        (CallFilter { failed: true, ..CallFilter::default() }, 330),
        (CallFilter { code: text("no-answer"), ..CallFilter::default() }, 30),
        (CallFilter { code: text("ProvisionedThroughputExceededException"), ..CallFilter::default() }, 300),
        (CallFilter { shard: text("shardId-000000000001"), failed: true, ..CallFilter::default() }, 300),
        (CallFilter { kind: text("ListStreams"), ..CallFilter::default() }, 0),
    ];
    for (filter, expected) in filters {
        let (mut from, mut numbers) = (Some(0), Vec::new());
        while let Some(at) = from {
            let page = log.reader.calls(&object, &filter, at, 13).await.unwrap();
            numbers.extend(page.calls.iter().map(|found| found.call.number));
            from = page.next;
        }
        let matching: Vec<_> = given.iter().filter(|call| filter.matches(call)).map(|call| call.number).collect();
        assert_eq!(numbers, matching, "{filter:?}");
        assert_eq!(numbers.len(), expected, "{filter:?}");
    }
    let codes = [("ProvisionedThroughputExceededException".to_owned(), 900), ("no-answer".to_owned(), 30)];
    assert_eq!(encoded.summary.codes, Some(BTreeMap::from(codes)));
    assert_eq!(encoded.summary.failed, 330);
    assert!(!CallFilter { code: text("other"), ..CallFilter::default() }.may_match(&encoded.summary));
}

#[tokio::test]
async fn one_call_is_read_with_its_bodies_and_little_else() {
    let log = log();
    let mut given = calls(0..40, 1 << 20);
    let object = log.put(&encode_calls(origin(0), &mut given, usize::MAX).unwrap()).await;
    let found = log.reader.call(&object, 23).await.unwrap().unwrap();
    assert!(found.call == given[23]);
    assert_eq!(log.reader.call(&object, 40).await.unwrap(), None);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_cut_and_says_so() {
    let log = log();
    let mut given = calls(0..2, 1_000);
    given[1].request = Some(outcomes::Body::whole("ü".repeat(100)));
    let object = log.put(&encode_calls(origin(0), &mut given, 101).unwrap()).await;
    let request = log.reader.call(&object, 1).await.unwrap().unwrap().call.request.unwrap();
    assert_eq!((request.text.as_ref(), request.bytes, request.is_cut()), ("ü".repeat(50).as_str(), 200, true));
}
