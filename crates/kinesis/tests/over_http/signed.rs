//! The signature of a put, computed again as AWS describes it (Signature Version 4).

use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use kinesis::Timeouts;
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::answers::complete;
use crate::world::{client, never, quick, records, writer};

#[tokio::test]
async fn the_signature_of_a_put_is_that_of_the_body_that_is_sent() {
    let (endpoint, request) = first_request().await;
    let writer = writer(client(&endpoint, Timeouts::default()).await, quick());
    let putting = tokio::spawn(async move { writer.put(&records(3), &never()).await });
    let request = request.await.unwrap();
    putting.abort();

    let head = request.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    let (head, body) = (std::str::from_utf8(&request[..head]).unwrap(), &request[head + 4..]);
    let header = |name: &str| {
        let mut lines = head.lines().skip(1).map(|line| line.split_once(':').unwrap());
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).unwrap().1.trim()
    };
    let authorization = header("authorization");
    let part = |name: &str| authorization.split_once(name).unwrap().1.split([',', ' ']).next().unwrap();
    let (scope, names, signature) = (part("Credential=AKID/"), part("SignedHeaders="), part("Signature="));

    let headers: String = names.split(';').map(|name| format!("{name}:{}\n", header(name))).collect();
    let canonical = format!("POST\n/\n\n{headers}\n{names}\n{}", hex(&Sha256::digest(body)));
    let text =
        format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{}", header("x-amz-date"), hex(&Sha256::digest(canonical.as_bytes())));
    let key = scope.split('/').fold(b"AWS4secret".to_vec(), |key, part| mac(&key, part));
    assert_eq!(signature, hex(&mac(&key, &text)), "{canonical}");
    assert_eq!(serde_json::from_slice::<serde_json::Value>(body).unwrap()["Records"].as_array().unwrap().len(), 3);
}

/// A server that never answers, and the first request it gets.
async fn first_request() -> (String, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let request = tokio::spawn(async move {
        let (mut connection, _): (TcpStream, _) = listener.accept().await.unwrap();
        let mut seen = Vec::new();
        while !complete(&seen) {
            assert_ne!(connection.read_buf(&mut seen).await.unwrap(), 0, "it ended early");
        }
        seen
    });
    (endpoint, request)
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
