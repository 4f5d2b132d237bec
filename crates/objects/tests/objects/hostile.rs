//! What may go wrong between here and a bucket, and what is made of it.

use std::time::Duration;

use objects::{Error, Objects, S3};
use testkit::s3::{Asked, BUCKET, Fault, SECRET_KEY, Server};

use crate::{bucket, settings};

static PARTS: [u8; 9_000_000] = [7; 9_000_000];

fn told(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn deletes(asked: &Asked) -> bool {
    asked.method == "DELETE" && !asked.query_has("uploadId")
}

fn reads(asked: &Asked) -> bool {
    asked.method == "GET" && asked.headers.contains_key("range")
}

#[tokio::test]
async fn what_was_interrupted_is_tried_again() {
    let (server, objects) = bucket().await;
    let slow_down = || Fault::error(503, "SlowDown");
    for fault in [slow_down(), Fault::Reset, slow_down(), Fault::error(500, "InternalError")] {
        server.fail(Asked::puts, fault);
    }
    objects.put("a", b"123").await.unwrap();
    for fault in [slow_down(), Fault::Reset, Fault::ResetAfter] {
        server.fail(Asked::puts_part, fault);
    }
    // S3 may say so after it began to answer that all is well.
    server.fail(Asked::completes, Fault::error(200, "InternalError"));
    objects.put("parts", &PARTS).await.unwrap();
    for fault in [slow_down(), Fault::Reset, Fault::Cut(1), Fault::ResetAfter] {
        server.fail(reads, fault);
    }
    assert_eq!(&objects.read("a", 0..3).await.unwrap()[..], b"123");
    assert_eq!(objects.read("parts", 0..9_000_000).await.unwrap()[..], PARTS);
    server.fail(|asked| asked.query_has("list-type"), slow_down());
    assert_eq!(objects.list("").await.unwrap().len(), 2);
    server.fail(deletes, Fault::ResetAfter);
    objects.delete("a").await.unwrap();
    assert!(matches!(objects.len("a").await, Err(Error::Missing { .. })));
    assert_eq!(server.faults_left(), 0);
}

#[tokio::test]
async fn an_object_whose_answer_was_lost_is_known_as_ours() {
    let (server, objects) = bucket().await;
    server.fail(Asked::puts, Fault::ResetAfter);
    objects.put("a", b"123").await.unwrap();
    assert!(matches!(objects.put("a", b"456").await, Err(Error::Exists { .. })));
    server.fail(Asked::completes, Fault::ResetAfter);
    objects.put("parts", &PARTS).await.unwrap();
    assert!(matches!(objects.put("parts", &PARTS).await, Err(Error::Exists { .. })));
    assert_eq!(&objects.read("a", 0..3).await.unwrap()[..], b"123");
    assert_eq!(server.faults_left(), 0);
}

#[tokio::test]
async fn an_object_that_somebody_else_wrote_is_not_taken_for_ours() {
    let (server, objects) = bucket().await;
    objects.put("a", b"first").await.unwrap();
    // The put is tried again, and refused each time because of the other object.
    server.fail(Asked::puts, Fault::Reset);
    assert!(matches!(objects.put("a", b"second").await, Err(Error::Exists { .. })));
    assert_eq!(&objects.read("a", 0..5).await.unwrap()[..], b"first");
}

#[tokio::test]
async fn a_conflict_that_leaves_nothing_is_tried_again() {
    let (server, objects) = bucket().await;
    server.fail(Asked::puts, Fault::error(409, "ConditionalRequestConflict"));
    server.fail(Asked::puts, Fault::error(412, "PreconditionFailed"));
    objects.put("a", b"123").await.unwrap();
    assert_eq!(&objects.read("a", 0..3).await.unwrap()[..], b"123");
    server.fail(Asked::completes, Fault::error(409, "ConditionalRequestConflict"));
    assert!(matches!(objects.put("parts", &PARTS).await, Err(Error::Interrupted { .. })));
    assert_eq!(objects.list("").await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_part_that_fails_fails_the_object_and_leaves_nothing() {
    let (server, objects) = bucket().await;
    server.fail(Asked::puts_part, Fault::error(403, "AccessDenied"));
    let error = objects.put("parts", &PARTS).await.unwrap_err();
    assert!(told(&error).contains("allow s3:PutObject"), "{}", told(&error));
    assert_eq!(objects.list("").await.unwrap(), []);
}

#[tokio::test]
async fn a_refusal_says_what_is_missing_and_repeats_no_secret() {
    let (server, objects) = bucket().await;
    objects.put("a", b"123").await.unwrap();
    for (status, code, advice) in [
        (403, "AccessDenied", "allow s3:PutObject on it"),
        (403, "SignatureDoesNotMatch", "check the credentials"),
        (400, "ExpiredToken", "check the credentials"),
        (404, "NoSuchBucket", "create the bucket"),
        (400, "AuthorizationHeaderMalformed", "correct the region"),
        (301, "PermanentRedirect", "correct the region"),
        (403, "RequestTimeTooSkewed", "set the clock"),
        (501, "NotImplemented", "another is needed"),
    ] {
        // Whether it is there after all is asked too.
        let all = if code == "NotImplemented" { 20 } else { 1 };
        for _ in 0..all {
            server.fail(Asked::puts, Fault::error(status, code));
        }
        let patient = S3 { patience: Duration::ZERO, ..settings(&server) };
        let error = Objects::s3(&patient).unwrap().put("b", b"1").await.unwrap_err();
        let text = told(&error);
        for part in [advice, "could not write `some/where/b`", BUCKET] {
            assert!(text.contains(part), "{code}: {text}");
        }
        assert!(!text.contains(SECRET_KEY) && !text.contains('<'), "{text}");
        while server.faults_left() > 0 {
            drop(Objects::s3(&patient).unwrap().put("c", b"1").await);
        }
    }
    server.fail(reads, Fault::error(403, "AccessDenied"));
    let text = told(&objects.read("a", 0..3).await.unwrap_err());
    assert!(text.contains("could not read") && text.contains("s3:GetObject"), "{text}");
    server.fail(|asked| asked.method == "GET", Fault::error(404, "NoSuchBucket"));
    server.fail(|asked| asked.method == "HEAD", Fault::Answer("404".parse().unwrap(), String::new()));
    let text = told(&objects.list("").await.unwrap_err());
    assert!(text.contains("create the bucket"), "{text}");
}

#[tokio::test]
async fn patience_ends() {
    let (server, _) = bucket().await;
    let objects = Objects::s3(&S3 { patience: Duration::from_millis(300), ..settings(&server) }).unwrap();
    for _ in 0..50 {
        server.fail(Asked::puts, Fault::error(503, "SlowDown"));
    }
    let text = told(&objects.put("a", b"1").await.unwrap_err());
    assert!(text.contains("asked for fewer requests") && text.contains("SlowDown"), "{text}");
    drop(server);
    let text = told(&objects.put("a", b"1").await.unwrap_err());
    assert!(text.contains("check the endpoint"), "{text}");
}

#[tokio::test]
async fn an_answer_that_is_not_the_range_is_an_error() {
    let (server, objects) = bucket().await;
    objects.put("a", b"0123456789").await.unwrap();
    server.fail(reads, Fault::Answer("200".parse().unwrap(), "0123456789".to_owned()));
    assert!(matches!(objects.read("a", 3..5).await, Err(Error::Bucket { .. })));
    assert_eq!(&objects.read("a", 3..5).await.unwrap()[..], b"34");
}

#[tokio::test]
async fn a_server_that_ignores_conditions_is_found_at_the_start() {
    let (server, objects) = bucket().await;
    let again = |wanted: fn(&Asked) -> bool, after: usize| {
        let met = std::sync::atomic::AtomicUsize::new(0);
        server.fail(
            move |asked| wanted(asked) && met.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == after,
            Fault::Replaces,
        );
    };
    again(Asked::puts, 1);
    let text = told(&objects.verify().await.unwrap_err());
    assert!(text.contains("a put with If-None-Match") && text.contains(BUCKET), "{text}");
    again(Asked::completes, 0);
    let text = told(&objects.verify().await.unwrap_err());
    assert!(text.contains("the completion with If-None-Match"), "{text}");
    assert_eq!(server.objects(), Vec::<String>::new());
    assert_eq!(server.faults_left(), 0);
}

#[tokio::test]
async fn what_a_storage_does_not_allow_is_found_at_the_start() {
    let lists: fn(&Asked) -> bool = |asked| asked.query_has("list-type");
    let finds: fn(&Asked) -> bool = |asked| asked.method == "HEAD";
    let gives_up: fn(&Asked) -> bool = |asked| asked.method == "DELETE" && asked.query_has("uploadId");
    for (wanted, permission) in [
        (lists, "s3:ListBucket"),
        (finds, "s3:ListBucket, without which"),
        (Asked::puts, "s3:PutObject"),
        (reads, "s3:GetObject"),
        (Asked::completes, "s3:PutObject"),
        (gives_up, "s3:AbortMultipartUpload"),
        (deletes, "s3:DeleteObject"),
    ] {
        let (server, objects) = bucket().await;
        // An answer to HEAD has no body.
        let body = !permission.ends_with("which");
        let denied =
            if body { Fault::error(403, "AccessDenied") } else { Fault::Answer("403".parse().unwrap(), String::new()) };
        server.fail(wanted, denied);
        let text = told(&objects.verify().await.unwrap_err());
        assert!(text.contains(permission) && text.contains(BUCKET), "{permission}: {text}");
    }
    let server = Server::start().await;
    let elsewhere = S3 { bucket: "another-bucket".to_owned(), ..settings(&server) };
    let text = told(&Objects::s3(&elsewhere).unwrap().verify().await.unwrap_err());
    assert!(text.contains("create the bucket") && text.contains("another-bucket"), "{text}");
}
