//! Settings, refusals with advice, and the connection test.

use crate::common::{rows, settings, sql};
use domain::{Column, ColumnType, PostgresSource, TlsMode};
use sources::Error;
use sources::postgres::{Settings, describe, test};
use testkit::database::{cluster, fresh};

fn from_url(url: &str) -> Result<Settings, Error> {
    Settings::new(&PostgresSource::default(), Some(url.to_owned()), None)
}

#[test]
fn a_url_may_name_only_the_listed_parameters() {
    let good = "postgresql://u%40x:p%2Fw@h:1/d%20b?sslmode=require&connect_timeout=3&application_name=x";
    let shown = format!("{:?}", from_url(good).unwrap());
    assert!(
        shown.contains("h:1") && shown.contains("u@x") && shown.contains("d b") && !shown.contains("p/w"),
        "{shown}"
    );
    assert_eq!(from_url("postgres://u@[::1]:5/d").unwrap().address(), "[::1]:5");
    assert_eq!(from_url("postgres://u@%2Frun%2Fpg/d").unwrap().address(), "/run/pg/.s.PGSQL.5432");
    assert_eq!(from_url("postgres:///d?host=/run/pg&port=7&user=u").unwrap().address(), "/run/pg/.s.PGSQL.7");
    for (url, word) in [
        ("mysql://u@h/d", "postgres://"),
        ("postgres://u@h/d?options=-csearch_path%3Dx", "options"),
        ("postgres://u@h/d?passfile=/etc/passwd", "passfile"),
        ("postgres://u@h/d?sslkey=/x", "sslkey"),
        ("postgres://u@h/d?hostaddr=1.2.3.4", "hostaddr"),
        ("postgres://u@h/d?sslmode=prefer", "verify-full"),
        ("postgres://u@h/d?sslmode=allow", "verify-full"),
        ("postgres://u@h/d?sslmode=verify-ca", "verify-full"),
        ("postgres://u@a,b/d", "one host"),
        ("postgres://u@h:0/d", "port"),
        ("postgres://u@h:x/d", "port"),
        ("postgres://h/d", "user"),
        ("postgres://u@/d", "host"),
        ("postgres://u@h/d?user=v", "twice"),
        ("postgres://u:%zz@h/d", "broken"),
        ("postgres://u@%2Frun/d?sslmode=require", "Unix socket"),
    ] {
        let error = from_url(url).expect_err(url).to_string();
        assert!(error.contains(word), "{url}: {error}");
    }
    for url in ["postgres://u:secret?x=y@h/d", "postgres://u:sec/ret@h/d", "postgres://u:secret@h/d?secret=1"] {
        let error = from_url(url).unwrap_err().to_string();
        assert!(!error.contains("sec"), "{error}");
    }
}

#[test]
fn fields_and_a_url_exclude_each_other() {
    let fields = PostgresSource {
        host: Some("h".to_owned()),
        user: Some("u".to_owned()),
        tls: Some(TlsMode::Require),
        ..PostgresSource::default()
    };
    let settings = Settings::new(&fields, None, Some("secret".to_owned())).unwrap();
    assert_eq!(settings.address(), "h:5432");
    assert!(!format!("{settings:?}").contains("secret"));
    assert!(Settings::new(&fields, Some("postgres://u@h/d".to_owned()), None).is_err());
    let url = Some("postgres://u:p@h/d".to_owned());
    assert!(Settings::new(&PostgresSource::default(), url, Some("p".to_owned())).is_err());
}

#[tokio::test]
async fn a_superuser_is_warned_of_and_a_reader_is_not() {
    let database = fresh();
    let report = test(&settings(database.url())).await.unwrap();
    assert!(report.superuser && report.may_write && !report.tls);
    assert!(
        report.warnings[0].contains("is a superuser") && report.warnings[0].contains("can only read"),
        "{report:?}"
    );
    assert_eq!((report.user.as_str(), report.database.as_str()), (cluster().user(), database.name()));

    let name = database.name();
    sql(
        database.url(),
        &format!(
            "CREATE ROLE reader_{name} LOGIN PASSWORD 'p'; REVOKE TEMP ON DATABASE {name} FROM PUBLIC;
             CREATE TABLE t (id int); CREATE TABLE hidden (id int); GRANT SELECT ON t TO reader_{name}"
        ),
    )
    .await;
    let reader = settings(
        &database
            .url()
            .replace(&format!("{}:{}@", cluster().user(), cluster().password()), &format!("reader_{name}:p@")),
    );
    let report = test(&reader).await.unwrap();
    assert!(!report.superuser && !report.may_write && report.warnings.is_empty(), "{report:?}");
    let denied = describe(&reader, "SELECT id FROM hidden").await;
    let id = [Column { name: "id".to_owned(), kind: ColumnType::Int, source_type: String::new() }];
    let refused = rows(&reader, "SELECT id FROM hidden", &id).await;
    assert!(denied.is_ok() && matches!(refused, Err(Error::Permission(_))));
    sql(database.url(), &format!("GRANT TEMP ON DATABASE {name} TO reader_{name}; GRANT INSERT ON t TO reader_{name}"))
        .await;
    let report = test(&reader).await.unwrap();
    assert!(
        report.may_write && report.warnings[0].contains("write into tables, create temporary tables"),
        "{report:?}"
    );
    sql(
        database.url(),
        &format!(
            "REVOKE TEMP ON DATABASE {name} FROM reader_{name}; REVOKE INSERT ON t FROM reader_{name};
             GRANT pg_read_all_data, pg_write_all_data TO reader_{name}; ALTER ROLE reader_{name} CREATEDB"
        ),
    )
    .await;
    let report = test(&reader).await.unwrap();
    assert_eq!(report.roles, ["pg_read_all_data", "pg_write_all_data"]);
    assert!(report.may_write && report.warnings.len() == 2, "{report:?}");
    assert!(report.warnings[0].contains("create databases"), "{report:?}");
    assert!(report.warnings[1].contains("a member of pg_write_all_data:"), "{report:?}");
    let shown = serde_json::to_value(&report).unwrap();
    assert_eq!(
        (&shown["superuser"], &shown["tls"], &shown["user"]),
        (&false.into(), &false.into(), &format!("reader_{name}").into())
    );
    sql(database.url(), &format!("DROP OWNED BY reader_{name}; DROP ROLE reader_{name}")).await;
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let database = fresh();
    let good = cluster().tcp_url(database.name()).unwrap();
    let plain = |url: &str| settings(&format!("{url}?sslmode=disable"));
    assert!(test(&plain(&good)).await.is_ok());
    let not_offered = test(&settings(&good)).await.unwrap_err();
    assert!(matches!(not_offered, Error::TlsNotOffered { .. }), "{not_offered:?}");
    let wrong_password = test(&plain(&good.replace(cluster().password(), "wrong"))).await.unwrap_err();
    assert!(matches!(wrong_password, Error::Authentication { .. }), "{wrong_password:?}");
    let no_password = test(&plain(&good.replace(&format!(":{}@", cluster().password()), "@"))).await.unwrap_err();
    assert!(matches!(no_password, Error::Authentication { .. }), "{no_password:?}");
    let no_database = test(&plain(&good.replace(database.name(), "nowhere"))).await.unwrap_err();
    assert!(matches!(no_database, Error::NoSuchDatabase { .. }), "{no_database:?}");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let refused = test(&settings(&format!("postgres://u:p@127.0.0.1:{free}/d?sslmode=disable"))).await.unwrap_err();
    assert!(matches!(refused, Error::Unreachable { .. }), "{refused:?}");
    for error in [not_offered, wrong_password, no_password, no_database, refused] {
        assert!(!error.to_string().contains(cluster().password()), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_accepts_and_says_nothing_runs_into_the_connect_timeout() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let url = format!("postgres://u:p@127.0.0.1:{port}/d?sslmode=disable&connect_timeout=1");
    let error = test(&settings(&url)).await.unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error:?}");
}
