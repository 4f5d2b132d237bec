//! The TLS modes against a server whose certificate signed itself. It is a server of its own.

use std::os::unix::fs::PermissionsExt;

use crate::common::{client, rows, sql, until};
use domain::egress::EgressPolicy;
use domain::{Column, ColumnType, PostgresSource, TlsMode, Value};
use embedded::Cluster;
use sources::Error;
use sources::postgres::{ReadOptions, Settings, read, test};

const ONE: &str = "SELECT 1 AS a";

fn one() -> [Column; 1] {
    [Column { name: "a".to_owned(), kind: ColumnType::Int, source_type: String::new() }]
}

fn over_tls(cluster: &Cluster, host: &str, tls: Option<TlsMode>) -> Settings {
    let source = PostgresSource {
        host: Some(host.to_owned()),
        port: cluster.tcp_port(),
        user: Some(cluster.user().to_owned()),
        database: Some("postgres".to_owned()),
        tls,
        ..PostgresSource::default()
    };
    Settings::new(&source, None, Some(cluster.password().to_owned())).unwrap().egress(EgressPolicy::open())
}

/// Gives the server a certificate for `localhost` and its key, and returns the certificate.
async fn offer_tls(cluster: &Cluster) -> String {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    // The server writes the files itself: it may run as another user, and wants to be the only one that reads the key.
    for (pem, file) in [(&certificate, "test.crt"), (&key, "test.key")] {
        let lines = format!("string_to_table('{}', E'\\n')", pem.trim());
        sql(&cluster.url("postgres"), &format!("COPY (SELECT {lines}) TO PROGRAM 'umask 077; cat > {file}'")).await;
    }
    let client = client(&cluster.url("postgres")).await;
    for setting in ["ssl_cert_file = 'test.crt'", "ssl_key_file = 'test.key'", "ssl = on"] {
        client.batch_execute(&format!("ALTER SYSTEM SET {setting}")).await.unwrap();
    }
    client.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    until(&client, "SELECT current_setting('ssl')::bool").await;
    certificate
}

#[tokio::test]
async fn each_tls_mode_does_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let home = folder.path().join("home");
    let own = embedded::Settings { durable: false, tcp: true, ..testkit::database::settings(home) };
    let cluster = embedded::start(&own).unwrap();
    let certificate = offer_tls(&cluster).await;
    let encrypted = "SELECT ssl::int AS a FROM pg_stat_ssl WHERE pid = pg_backend_pid()";

    let require = over_tls(&cluster, "127.0.0.1", Some(TlsMode::Require));
    // The server's main process may take a moment longer to offer what it was told.
    while let Err(Error::TlsNotOffered { .. }) = test(&require).await {}
    assert!(test(&require).await.unwrap().tls);
    assert_eq!(rows(&require, encrypted, &one()).await.unwrap(), [[Value::Int(1)]]);

    let disable = over_tls(&cluster, "127.0.0.1", Some(TlsMode::Disable));
    assert_eq!(rows(&disable, encrypted, &one()).await.unwrap(), [[Value::Int(0)]]);

    let unknown = rows(&over_tls(&cluster, "localhost", None), ONE, &one()).await.unwrap_err();
    assert!(matches!(unknown, Error::Certificate { .. }), "the default must verify: {unknown:?}");

    let verify = over_tls(&cluster, "localhost", None).trust(certificate.as_bytes()).unwrap();
    assert_eq!(rows(&verify, encrypted, &one()).await.unwrap(), [[Value::Int(1)]]);

    let other_host = over_tls(&cluster, "127.0.0.1", Some(TlsMode::VerifyFull)).trust(certificate.as_bytes()).unwrap();
    let wrong_name = rows(&other_host, ONE, &one()).await.unwrap_err();
    assert!(matches!(wrong_name, Error::Certificate { .. }), "{wrong_name:?}");

    written_authorities(&cluster, &certificate).await;
    assert!(over_tls(&cluster, "localhost", None).trust(b"no certificate").is_err());
    let named = PostgresSource { ca_file: Some("ca.pem".to_owned()), ..PostgresSource::default() };
    let not_given = Settings::new(&named, Some("postgres://u@localhost/d".to_owned()), None).unwrap();
    assert!(matches!(test(&not_given).await, Err(Error::Settings(_))));

    cancels_over_tls(&cluster, &verify).await;
}

/// The certificates may stand in the source itself.
async fn written_authorities(cluster: &Cluster, certificate: &str) {
    let with = |ca: &str, host: &str, tls| {
        let source = PostgresSource {
            host: Some(host.to_owned()),
            port: cluster.tcp_port(),
            user: Some(cluster.user().to_owned()),
            database: Some("postgres".to_owned()),
            ca: Some(ca.to_owned()),
            tls,
            ..PostgresSource::default()
        };
        Settings::new(&source, None, Some(cluster.password().to_owned()))
            .map(|settings| settings.egress(EgressPolicy::open()))
    };
    assert!(test(&with(certificate, "localhost", None).unwrap()).await.unwrap().tls);
    let wrong_name = test(&with(certificate, "127.0.0.1", None).unwrap()).await.unwrap_err();
    assert!(matches!(wrong_name, Error::Certificate { .. }), "{wrong_name:?}");
    for tls in [None, Some(TlsMode::Disable), Some(TlsMode::Require)] {
        for garbage in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            let error = with(garbage, "localhost", tls).unwrap_err().to_string();
            assert!(error.contains("`ca` holds"), "{garbage}: {error}");
        }
    }
    let twice =
        PostgresSource { ca: Some(certificate.to_owned()), ca_file: Some("a".to_owned()), ..PostgresSource::default() };
    assert!(Settings::new(&twice, Some("postgres://u@h/d".to_owned()), None).is_err());
}

async fn cancels_over_tls(cluster: &Cluster, settings: &Settings) {
    let observer = client(&cluster.url("postgres")).await;
    let query = "SELECT generate_series(1, 1000000000000) AS a";
    let column = Column { kind: ColumnType::Int, ..one()[0].clone() };
    let mut reader = read(settings, query, &[column], &ReadOptions::default()).await.unwrap();
    assert!(reader.next().await.unwrap().is_some());
    drop(reader);
    let gone = "SELECT NOT EXISTS (SELECT FROM pg_stat_activity
        WHERE application_name = 'rowcast' AND datname = current_database() AND state = 'active')";
    until(&observer, gone).await;
}
