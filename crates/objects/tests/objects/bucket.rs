//! How objects get into a bucket and out of it.

use std::time::Duration;

use objects::{Error, Objects, S3, Verified};
use testkit::s3::{Asked, BUCKET, Fault, SECRET_KEY, Server};

use crate::{bucket, settings};

/// Longer than two parts.
fn large() -> Vec<u8> {
    (0..20_000_000_u32).map(|at| ((at / 977) ^ at) as u8).collect()
}

#[tokio::test]
async fn a_bucket_that_is_fit_is_found_fit_and_left_empty() {
    let (server, objects) = bucket().await;
    assert_eq!(objects.verify().await.unwrap(), Verified { versioned: false });
    assert_eq!((server.objects(), server.parts()), (Vec::new(), 0));
    let folder = tempfile::tempdir().unwrap();
    let objects = Objects::local(folder.path()).unwrap();
    assert_eq!(objects.verify().await.unwrap(), Verified { versioned: false });
    assert_eq!(objects.list("").await.unwrap(), []);
}

#[tokio::test]
async fn small_objects_are_one_put_and_large_ones_are_parts_and_both_are_conditional() {
    let (server, objects) = bucket().await;
    server.asked();
    objects.put("small", b"1").await.unwrap();
    let asked = server.asked();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].puts() && asked[0].headers["if-none-match"] == "*");
    let large = large();
    objects.put("large", &large).await.unwrap();
    let asked = server.asked();
    let parts: Vec<usize> = asked.iter().filter(|asked| asked.puts_part()).map(|asked| asked.bytes).collect();
    assert_eq!(parts.iter().sum::<usize>(), large.len());
    assert_eq!(parts.iter().filter(|bytes| **bytes == 8 << 20).count(), 2);
    assert!(asked.iter().any(|asked| asked.completes() && asked.headers["if-none-match"] == "*"));
    assert_eq!(&objects.read("large", 0..20_000_000).await.unwrap()[..], &large[..]);
    assert_eq!(server.objects(), ["some/where/ws_1/large", "some/where/ws_1/small"]);
}

#[tokio::test]
async fn a_large_object_is_never_replaced_by_parts() {
    let (server, objects) = bucket().await;
    let mut late = objects.create("a").await.unwrap();
    late.write(&large()).await.unwrap();
    objects.put("a", b"first").await.unwrap();
    assert!(matches!(late.finish().await, Err(Error::Exists { .. })));
    assert_eq!(&objects.read("a", 0..5).await.unwrap()[..], b"first");
    until(|| server.parts() == 0).await;
}

/// Parts are sent, and given up, in the background.
async fn until(is_so: impl Fn() -> bool) {
    let last = tokio::time::Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(tokio::time::Instant::now() < last, "it does not happen");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_writer_that_is_dropped_takes_its_parts_back() {
    let (server, objects) = bucket().await;
    let mut writer = objects.create("a").await.unwrap();
    writer.write(&large()).await.unwrap();
    writer.write(&large()).await.unwrap();
    assert!(server.parts() > 0, "parts are sent while others are filled");
    drop(writer);
    until(|| server.parts() == 0).await;
    assert_eq!(objects.list("").await.unwrap(), []);
}

/// What nobody waits for any more may still be done, and after the parts were taken back.
#[tokio::test]
async fn parts_are_taken_back_when_none_is_on_its_way() {
    let (server, objects) = bucket().await;
    server.fail(Asked::puts_part, Fault::Late);
    let mut writer = objects.create("a").await.unwrap();
    writer.write(&large()).await.unwrap();
    until(|| server.faults_left() == 0).await;
    drop(writer);
    until(|| server.asked().iter().any(|asked| asked.method == "DELETE" && asked.query_has("uploadId"))).await;
    // Longer than what is late needs.
    tokio::time::sleep(Duration::from_millis(500)).await;
    until(|| server.parts() == 0).await;
}

#[tokio::test]
async fn reads_that_follow_each_other_are_read_ahead() {
    let (server, objects) = bucket().await;
    let large = large();
    objects.put("large", &large).await.unwrap();
    server.asked();
    let mut at = 0;
    while at < 20_000_000_u64 {
        let end = (at + 65_536 - at % 7).min(20_000_000);
        assert_eq!(objects.read("large", at..end).await.unwrap()[..], large[at as usize..end as usize]);
        at = end + (at % 3) * 1_000;
    }
    let asked = server.asked().len();
    assert!(asked < 20, "{asked} requests for 300 reads");
    // What was read ahead is not taken for what does not follow, nor for what is not there any more.
    for start in [19_999_990_u64, 5, 1_000_000, 0, 8_388_600, 5] {
        assert_eq!(
            objects.read("large", start..start + 10).await.unwrap()[..],
            large[start as usize..start as usize + 10]
        );
    }
    assert!(matches!(objects.read("large", 15..20_000_001).await, Err(Error::Short { found: 20_000_000, .. })));
    objects.read("large", 0..1_000).await.unwrap();
    objects.read("large", 1_000..2_000).await.unwrap();
    objects.delete("large").await.unwrap();
    assert!(matches!(objects.read("large", 2_000..3_000).await, Err(Error::Missing { .. })));
}

#[tokio::test]
async fn a_listing_has_all_pages() {
    let (_server, objects) = bucket().await;
    for number in 0..1_100 {
        objects.put(&format!("a/{number:04}"), b"1").await.unwrap();
    }
    let mut names: Vec<String> = objects.list("a").await.unwrap().into_iter().map(|listed| listed.name).collect();
    names.sort();
    names.dedup();
    assert_eq!((names.len(), names[1_099].as_str()), (1_100, "a/1099"));
}

#[tokio::test]
async fn p5_a_secret_is_not_shown() {
    let server = Server::start().await;
    let settings = settings(&server);
    let objects = Objects::s3(&settings).unwrap();
    objects.put("a", b"1").await.unwrap();
    let shown = format!("{settings:?} {objects:?}");
    assert!(shown.contains(BUCKET) && !shown.contains(SECRET_KEY), "{shown}");
}

#[test]
fn settings_that_make_no_address_are_refused() {
    let credentials = || aws_credential_types::Credentials::new("a", "b", None, None, "test");
    let settings = S3::new(BUCKET, "eu-central-1", credentials());
    let refused = Objects::s3(&S3 { prefix: "../other".to_owned(), ..settings.clone() });
    assert!(matches!(refused, Err(Error::Name { .. })));
    assert!(Objects::s3(&S3 { prefix: "own/folder".to_owned(), ..settings }).is_ok());
}
