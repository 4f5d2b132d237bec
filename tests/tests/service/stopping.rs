//! A process that is told to stop waits for nobody who only watches.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::{Customer, Process, Settings, World};

#[tokio::test]
async fn open_streams_of_events_end_at_once_when_the_process_is_told_to_stop() {
    let world = World::start(Settings::default().set("http.drain", "1m")).await;
    // Nobody works, so the run waits, and a stream of it would stay open for minutes.
    let mut api = world.serve().await;
    let ann = Customer::sign_up(api.url()).await;
    let shop = world.shop("create table items (id bigint primary key)").await;
    let sync = ann.sync(&world, &shop, "select id from items", json!({})).await;
    let run = ann.trigger(&sync, json!({"kind": "normal"})).await;
    let mut watchers = Vec::new();
    for _ in 0..3 {
        watchers.push(watch(&api, &ann, &run).await);
    }
    api.signal(rustix::process::Signal::TERM);
    for watcher in &mut watchers {
        let mut rest = String::new();
        watcher.read_to_string(&mut rest).await.unwrap();
        assert!(rest.ends_with("0\r\n\r\n"), "it is a whole answer: {rest:?}");
    }
    assert!(api.ended().await.success());
    let log = api.log();
    assert!(log.contains("\"ended\"") && !log.contains("requests did not end"), "{log}");
}

/// A connection on which the first event has come.
async fn watch(api: &Process, ann: &Customer, run: &str) -> TcpStream {
    let mut stream = TcpStream::connect(api.url().strip_prefix("http://").unwrap()).await.unwrap();
    let (name, value) = &ann.client.headers[0];
    let path = ann.at(&format!("/runs/{run}/stream"));
    let request = format!("GET {path} HTTP/1.1\r\nhost: rowcast\r\n{name}: {value}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains("event: run-event") {
        assert!(stream.read_buf(&mut seen).await.unwrap() > 0, "{}", String::from_utf8_lossy(&seen));
    }
    stream
}
