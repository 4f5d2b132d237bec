//! What a service connects to when others name the host, and what they learn when it does not.

use std::io::ErrorKind;
use std::net::TcpListener;

use domain::PostgresSource;
use domain::egress::EgressPolicy;
use sources::Error;
use sources::postgres::{Settings, test};
use testkit::database::cluster;
use tokio::io::AsyncWriteExt;

fn at(host: &str, port: u16, policy: EgressPolicy) -> Settings {
    let source = PostgresSource {
        host: Some(host.to_owned()),
        port: Some(port),
        user: Some(cluster().user().to_owned()),
        database: Some("postgres".to_owned()),
        tls: (!host.starts_with('/')).then_some(domain::TlsMode::Disable),
        ..PostgresSource::default()
    };
    Settings::new(&source, None, Some(cluster().password().to_owned())).unwrap().egress(policy)
}

fn allowing(networks: &[&str]) -> EgressPolicy {
    networks.iter().fold(EgressPolicy::default(), |policy, network| policy.allow(network.parse().unwrap()))
}

/// What a person is told, without the place that they named.
async fn told(settings: &Settings) -> String {
    let error = test(settings).await.unwrap_err();
    assert!(matches!(error, Error::NotReached { .. }), "{error:?}");
    assert!(std::error::Error::source(&error).is_none(), "a cause would tell more");
    error.to_string().replace(&settings.address(), "PLACE")
}

#[tokio::test]
async fn addresses_that_are_not_public_are_not_connected_to() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut answers = Vec::new();
    for host in [
        "localhost",
        "LOCALHOST",
        "localhost.",
        "127.0.0.1",
        "127.255.255.254",
        "0.0.0.0",
        "::",
        "::1",
        "[::1]",
        "::ffff:127.0.0.1",
        "::ffff:7f00:1",
        "[::ffff:127.0.0.1]",
        "::127.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b:1::127.0.0.1",
        "2002:7f00:1::",
        "2001:0:7f00:1::",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "224.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "2001:db8::1",
        "nowhere.invalid",
    ] {
        answers.push(told(&at(host, port, EgressPolicy::default())).await);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(answers[0].contains("PLACE cannot be reached from here"), "{answers:?}");
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "nobody connected");
}

#[tokio::test]
async fn other_spellings_of_addresses_are_no_hosts() {
    let port = cluster().tcp_port().unwrap();
    for host in [
        "127.1",
        "2130706433",
        "0x7f.1",
        "0x7f000001",
        "0177.0.0.1",
        "127.0.0.1.",
        "fe80::1%1",
        "a b",
        "\u{ff11}27.0.0.1",
    ] {
        let error = test(&at(host, port, EgressPolicy::default())).await.unwrap_err();
        assert!(matches!(&error, Error::Settings(told) if told.contains("the host")), "{host}: {error:?}");
        // Not even to those who may connect there.
        let error = test(&at(host, port, allowing(&["127.0.0.0/8", "fe80::/10"]))).await.unwrap_err();
        assert!(matches!(error, Error::Settings(_)), "{host}: {error:?}");
    }
}

#[tokio::test]
async fn an_allowed_network_is_connected_to_in_each_strict_form() {
    let port = cluster().tcp_port().unwrap();
    for host in ["127.0.0.1", "::ffff:127.0.0.1", "[::ffff:7f00:1]", "localhost"] {
        let report = test(&at(host, port, allowing(&["127.0.0.0/8"]))).await.unwrap();
        assert_eq!(report.user, cluster().user(), "{host}");
    }
    let denied = allowing(&["127.0.0.0/8"]).deny(([127, 0, 0, 1], port).into());
    for host in ["127.0.0.1", "127.0.0.2", "::ffff:127.0.0.1", "0.0.0.0", "localhost"] {
        told(&at(host, port, denied.clone())).await;
        let open = EgressPolicy::open().deny(([127, 0, 0, 1], port).into());
        let error = test(&at(host, port, open)).await.unwrap_err();
        assert!(matches!(error, Error::Unreachable { .. }), "{host}: {error:?}");
    }
}

#[tokio::test]
async fn a_unix_socket_is_connected_to_only_where_sockets_are_allowed() {
    let (folder, port) = (cluster().socket_dir().to_str().unwrap().to_owned(), cluster().tcp_port().unwrap());
    for policy in [EgressPolicy::default(), allowing(&["0.0.0.0/0", "::/0"])] {
        let error = test(&at(&folder, port, policy)).await.unwrap_err();
        assert!(matches!(&error, Error::Settings(told) if told.contains("Unix socket")), "{error:?}");
    }
    for policy in [EgressPolicy::default().allow_unix_sockets(), EgressPolicy::open()] {
        assert_eq!(test(&at(&folder, port, policy)).await.unwrap().user, cluster().user());
    }
}

/// A port where someone answers, but not as PostgreSQL does.
async fn port_that_says(answer: Option<&'static [u8]>) -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut silent = Vec::new();
        while let Ok((mut socket, _)) = listener.accept().await {
            match answer {
                // The client may be gone before it hears the answer.
                Some(answer) => socket.write_all(answer).await.unwrap_or_default(),
                None => silent.push(socket),
            }
        }
    });
    port
}

#[tokio::test]
async fn nobody_is_told_whether_a_port_is_closed_silent_refused_or_someone_elses() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let silent = port_that_says(None).await;
    let others = port_that_says(Some(b"HTTP/1.1 400 Bad Request\r\n\r\n")).await;
    let hangs_up = port_that_says(Some(b"")).await;
    let here = allowing(&["127.0.0.1"]);
    let url = |port: u16| format!("postgres://u:p@127.0.0.1:{port}/d?sslmode=disable&connect_timeout=1");
    let looks_like_tls = port_that_says(Some(b"SSH-2.0-OpenSSH_9.9\r\n")).await;
    let mut answers = vec![told(&at("127.0.0.2", others, here.clone())).await];
    let with_tls = url(looks_like_tls).replace("disable", "require");
    let settings = Settings::new(&PostgresSource::default(), Some(with_tls), None).unwrap();
    answers.push(told(&settings.egress(here.clone())).await);
    for port in [closed, silent, others, hangs_up] {
        let settings = Settings::new(&PostgresSource::default(), Some(url(port)), None).unwrap();
        answers.push(told(&settings.egress(here.clone())).await);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");

    // A person at a machine of their own is told what it was.
    let open =
        |port| Settings::new(&PostgresSource::default(), Some(url(port)), None).unwrap().egress(EgressPolicy::open());
    assert!(matches!(test(&open(closed)).await, Err(Error::Unreachable { .. })));
    assert!(matches!(test(&open(silent)).await, Err(Error::Timeout { .. })));
    assert!(matches!(test(&open(hangs_up)).await, Err(Error::Broken { .. } | Error::Unreachable { .. })));
}

#[tokio::test]
async fn what_postgres_itself_says_is_told_under_every_policy() {
    let port = cluster().tcp_port().unwrap();
    let here = || allowing(&["127.0.0.0/8"]);
    let url = |login: &str, rest: &str| format!("postgres://{login}@127.0.0.1:{port}/{rest}");
    let good = format!("{}:{}", cluster().user(), cluster().password());
    let ask = async |url: String| {
        let settings = Settings::new(&PostgresSource::default(), Some(url), None).unwrap();
        test(&settings.egress(here())).await.unwrap_err()
    };
    let wrong_password = ask(url("nobody:wrong", "postgres?sslmode=disable")).await;
    assert!(matches!(wrong_password, Error::Authentication { .. }), "{wrong_password:?}");
    let no_database = ask(url(&good, "nowhere?sslmode=disable")).await;
    assert!(matches!(no_database, Error::NoSuchDatabase { .. }), "{no_database:?}");
    let not_offered = ask(url(&good, "postgres")).await;
    assert!(matches!(not_offered, Error::TlsNotOffered { .. }), "{not_offered:?}");
}
