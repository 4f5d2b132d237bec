//! What holds wherever objects lie: each test runs on a folder and on a bucket.

use objects::{Durability, Error, Objects};

use crate::{bucket, folder};

async fn each(test: impl AsyncFn(Objects)) {
    let (_folder, objects) = folder();
    test(objects).await;
    let (_server, objects) = bucket().await;
    test(objects).await;
}

#[tokio::test]
async fn an_object_reads_back_whole_and_in_ranges() {
    each(async |objects| {
        objects.put("a/b", b"0123456789").await.unwrap();
        assert_eq!(objects.len("a/b").await.unwrap(), 10);
        assert_eq!(&objects.read("a/b", 0..10).await.unwrap()[..], b"0123456789");
        assert_eq!(&objects.read("a/b", 3..5).await.unwrap()[..], b"34");
        assert_eq!(objects.read("a/b", 3..3).await.unwrap().len(), 0);
    })
    .await;
}

#[tokio::test]
async fn an_object_is_never_replaced() {
    each(async |objects| {
        let mut late = objects.create("a").await.unwrap();
        late.write(b"late").await.unwrap();
        objects.put("a", b"first").await.unwrap();
        assert!(matches!(objects.put("a", b"second").await, Err(Error::Exists { .. })));
        assert!(matches!(late.finish().await, Err(Error::Exists { .. })));
        assert_eq!(&objects.read("a", 0..5).await.unwrap()[..], b"first");
        assert_eq!(objects.list("").await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_missing_object_and_one_that_ends_early_are_told_apart() {
    each(async |objects| {
        assert!(matches!(objects.read("a", 0..1).await, Err(Error::Missing { .. })));
        assert!(matches!(objects.len("a").await, Err(Error::Missing { .. })));
        objects.put("a", b"123").await.unwrap();
        for range in [0..4, 3..4, 7..9] {
            assert!(matches!(objects.read("a", range).await, Err(Error::Short { found: 3, .. })));
        }
        objects.delete("a").await.unwrap();
        objects.delete("a").await.unwrap();
        assert!(matches!(objects.len("a").await, Err(Error::Missing { .. })));
    })
    .await;
}

#[tokio::test]
async fn a_large_object_is_written_in_parts() {
    each(async |objects| {
        let objects = objects.durability(Durability::Unsynced);
        let mut writer = objects.create("large").await.unwrap();
        let parts: Vec<Vec<u8>> = (0_u8..7).map(|part| vec![part; 700_000]).collect();
        for part in &parts {
            writer.write(part).await.unwrap();
        }
        writer.write(&vec![9; 3_000_000]).await.unwrap();
        assert_eq!(writer.finish().await.unwrap(), 7_900_000);
        for (index, part) in parts.iter().enumerate() {
            let from = index as u64 * 700_000;
            assert_eq!(&objects.read("large", from..from + 700_000).await.unwrap()[..], &part[..]);
        }
        assert_eq!(&objects.read("large", 4_900_000..7_900_000).await.unwrap()[..], &vec![9; 3_000_000][..]);
    })
    .await;
}

#[tokio::test]
async fn a_prefix_sees_its_own_objects_by_their_own_names() {
    each(async |objects| {
        let other = objects.within("deeper").unwrap();
        other.put("x/y", b"1").await.unwrap();
        objects.put("z", b"22").await.unwrap();
        let names = |mut listed: Vec<objects::Listed>| {
            listed.sort_by(|left, right| left.name.cmp(&right.name));
            listed.into_iter().map(|listed| (listed.name, listed.bytes)).collect::<Vec<_>>()
        };
        assert_eq!(names(objects.list("").await.unwrap()), [("deeper/x/y".to_owned(), 1), ("z".to_owned(), 2)]);
        assert_eq!(names(other.list("").await.unwrap()), [("x/y".to_owned(), 1)]);
        assert_eq!(names(objects.list("deeper/x").await.unwrap()), [("deeper/x/y".to_owned(), 1)]);
        assert_eq!(names(objects.list("nothing").await.unwrap()), []);
        assert!(objects.list("").await.unwrap().iter().all(|listed| listed.modified > 1_500_000_000_000));
    })
    .await;
}

#[tokio::test]
async fn a_name_never_leaves_its_folder() {
    each(async |objects| {
        for name in ["", "/a", "a/", "a//b", "..", "a/../b", ".a", "a b", "a%2Fb", "ä", "a#1", "a.partial-1"] {
            assert!(matches!(objects.put(name, b"").await, Err(Error::Name { .. })), "{name}");
        }
        assert!(objects.within("../ws_2").is_err());
    })
    .await;
}
