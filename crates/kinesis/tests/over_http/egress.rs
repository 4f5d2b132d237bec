//! Where a client connects to, and where it does not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::egress::EgressPolicy;
use kinesis::{Access, Base, Client, Error, Keys, RoleAccess, Settings, Timeouts, verify_role};
use simulator::Operation;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::world::{World, settings};

fn public(endpoint: &str) -> Settings {
    Settings { egress: EgressPolicy::default(), ..settings(endpoint, Timeouts::default()) }
}

#[tokio::test]
async fn an_address_that_is_not_allowed_is_refused_in_each_spelling() {
    let world = World::new().await;
    let port = world.kinesis.address().port();
    for host in [
        "127.0.0.1",
        "127.8.8.8",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "10.0.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "[64:ff9b::7f00:1]",
        "0.0.0.0",
        "2130706433",
        "127.1",
        "0x7f.0.0.1",
        "0177.0.0.1",
    ] {
        let refused = Client::new(public(&format!("http://{host}:{port}"))).await.unwrap_err();
        assert!(matches!(refused, Error::EndpointRefused | Error::Settings { .. }), "{host} {refused:?}");
    }
    assert!(world.kinesis.calls().is_empty());
}

#[tokio::test]
async fn a_name_that_resolves_to_such_an_address_is_not_connected_to() {
    let world = World::new().await;
    let endpoint = world.kinesis.endpoint().replace("127.0.0.1", "localhost");
    let client = Client::new(public(&endpoint)).await.unwrap();
    let error = client.list_streams().await.unwrap_err();
    let Error::Unreachable { cause, .. } = &error else { panic!("{error:?}") };
    // As for a host that does not answer: nobody learns what is there.
    assert_eq!(cause.message, "the endpoint cannot be reached from here");
    assert!(world.kinesis.calls().is_empty());

    let allowed = EgressPolicy::default().allow("127.0.0.0/8".parse().unwrap());
    let settings = Settings { egress: allowed.clone(), ..public(&endpoint) };
    assert_eq!(Client::new(settings).await.unwrap().list_streams().await.unwrap().len(), 1);
    let denied = Settings { egress: allowed.deny(world.kinesis.address()), ..public(&endpoint) };
    assert!(Client::new(denied).await.unwrap().list_streams().await.is_err());
    assert_eq!(world.kinesis.calls_of(Operation::ListStreams), 1);
}

#[tokio::test]
async fn closed_ports_and_refused_addresses_look_alike() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let endpoint = format!("http://localhost:{}", address.port());
    let loopback = EgressPolicy::default().allow("127.0.0.0/8".parse().unwrap());
    let mut messages = Vec::new();
    for egress in [EgressPolicy::default(), loopback] {
        let client = Client::new(Settings { egress, ..public(&endpoint) }).await.unwrap();
        let Error::Unreachable { cause, .. } = client.list_streams().await.unwrap_err() else { panic!() };
        messages.push((cause.code.clone(), cause.message.clone(), cause.status));
    }
    assert_eq!(messages[0], messages[1]);
}

#[tokio::test]
async fn sts_is_held_to_the_same_policy() {
    let world = World::new().await;
    let keys = Keys { access_key_id: "AKID".to_owned(), secret_access_key: "s".to_owned(), session_token: None };
    let role = RoleAccess::new("arn:aws:iam::000000000000:role/r", "external", "session", Base::Keys(keys));
    let aws = Settings { endpoint: None, ..public("http://localhost") };
    let literal = Settings {
        sts_endpoint: Some(world.kinesis.endpoint().to_owned()),
        access: Access::Role(role.clone()),
        ..aws.clone()
    };
    assert!(matches!(verify_role(&literal, &role, "x").await.unwrap_err(), Error::EndpointRefused));
    let name = world.kinesis.endpoint().replace("127.0.0.1", "localhost");
    let named = Settings { sts_endpoint: Some(name), ..literal };
    let check = verify_role(&named, &role, "x").await.unwrap();
    assert_eq!(check.verdict(), kinesis::RoleVerdict::Inconclusive, "{check:?}");
    assert!(world.kinesis.calls().is_empty());
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let world = World::new().await;
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let (endpoint, asked) = redirecting(status, world.kinesis.endpoint().to_owned()).await;
        let client = Client::new(settings(&endpoint, Timeouts::default())).await.unwrap();
        assert!(client.list_streams().await.is_err(), "{status}");
        assert!(asked.load(Ordering::SeqCst) >= 1);
    }
    assert!(world.kinesis.calls().is_empty());
}

async fn redirecting(status: &'static str, to: String) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut seen = vec![0; 65536];
            if connection.read(&mut seen).await.unwrap_or(0) > 0 {
                count.fetch_add(1, Ordering::SeqCst);
            }
            let answer =
                format!("HTTP/1.1 {status}\r\nlocation: {to}/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            if connection.write_all(answer.as_bytes()).await.is_err() {
                continue;
            }
        }
    });
    (endpoint, asked)
}
