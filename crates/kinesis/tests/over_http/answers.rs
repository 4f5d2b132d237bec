//! Answers that Kinesis should never give.

use engine::rules::Outcome;
use std::time::Duration;

use kinesis::{Client, DryRun, Error, PutOutcome, Stream, Timeouts};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::world::{STREAM, all, both, client, never, quick, records, settings, tally, writer};

/// Answers every request with this status and body.
pub(crate) async fn canned(status: &'static str, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            tokio::spawn(serve(connection, status, body));
        }
    });
    endpoint
}

async fn serve(mut connection: TcpStream, status: &str, body: &str) {
    let mut seen = Vec::new();
    loop {
        while !complete(&seen) {
            if connection.read_buf(&mut seen).await.unwrap_or(0) == 0 {
                return;
            }
        }
        seen.clear();
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        if connection.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

pub(crate) fn complete(seen: &[u8]) -> bool {
    let Some(head) = seen.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { return false };
    let headers = String::from_utf8_lossy(&seen[..head]).to_lowercase();
    let length = headers.lines().find_map(|line| line.strip_prefix("content-length:")).unwrap();
    seen.len() >= head + 4 + length.trim().parse::<usize>().unwrap()
}

async fn put(status: &'static str, body: &'static str) -> kinesis::WindowResult {
    let client = client(&canned(status, body).await, Timeouts::default()).await;
    writer(client, quick()).put(&records(2), &never()).await
}

#[tokio::test]
async fn an_answer_that_does_not_fit_the_request_acknowledges_nothing() {
    let one = r#"{"FailedRecordCount":0,"Records":[{"SequenceNumber":"1","ShardId":"shardId-000000000000"}]}"#;
    let cases = [
        ("200 OK", one),
        ("200 OK", "{}"),
        ("200 OK", "<html>welcome</html>"),
        ("200 OK", ""),
        ("200 OK", r#"{"FailedRecordCount":0,"Records":[{},{"SequenceNumber":"","ShardId":"s"}]}"#),
        ("200 OK", r#"{"FailedRecordCount":2,"Records":[{"ErrorCode":"Odd"},{"ErrorCode":"Odd"}]}"#),
        ("502 Bad Gateway", "<html>bad gateway</html>"),
        ("413 Payload Too Large", "too large"),
        ("403 Forbidden", "<html>a proxy says no</html>"),
        ("302 Found", ""),
    ];
    for (status, body) in cases {
        let result = put(status, body).await;
        assert_eq!(tally(&result), all(2, Outcome::Unanswered), "{status} {body} {:?}", result.calls);
        assert_eq!(result.calls.len(), 4, "{status} {body}");
    }
}

#[tokio::test]
async fn a_handshake_that_never_ends_refuses_without_doubt() {
    let endpoint = canned("200 OK", "").await.replace("http://", "https://");
    let timeouts = Timeouts { connect: Duration::from_millis(200), ..Timeouts::default() };
    let client = match Client::new(settings(&endpoint, timeouts)).await {
        Err(Error::NoCertificates) => return,
        client => client.unwrap(),
    };
    let result = writer(client, quick()).put(&records(2), &never()).await;
    assert_eq!(tally(&result), all(2, Outcome::Refused), "{:?}", result.calls);
    assert_eq!(result.calls[0].error.as_ref().map(|error| &*error.code), Some("unreachable"));
}

#[tokio::test]
async fn an_answer_with_failures_is_judged_by_its_entries_and_not_by_its_count() {
    let body = r#"{"FailedRecordCount":0,"Records":[{"SequenceNumber":"17","ShardId":"shardId-000000000000"},
        {"ErrorCode":"KMSThrottlingException","ErrorMessage":"slow down"}]}"#;
    let result = put("200 OK", body).await;
    // The canned answer has two results, too many for the one record that is put again.
    assert_eq!(tally(&result), both((1, Outcome::Acknowledged), (1, Outcome::Unanswered)));
    assert_eq!(&*result.calls[0].failures[0].code, "KMSThrottlingException");
    let PutOutcome::Unanswered { code, .. } = &result.outcomes[1] else { panic!() };
    assert_eq!(&**code, "unreadable-answer");
}

#[tokio::test]
async fn a_dry_run_that_was_written_is_told() {
    let body = r#"{"FailedRecordCount":0,"Records":[{"SequenceNumber":"17","ShardId":"shardId-000000000000"}]}"#;
    let client = client(&canned("200 OK", body).await, Timeouts::default()).await;
    let stream = Stream { name: STREAM.to_owned(), arn: "arn:aws:kinesis:us-east-1:1:stream/orders".to_owned() };
    assert_eq!(client.dry_run(&stream).await.unwrap(), DryRun::Written);
}
