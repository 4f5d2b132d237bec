//! What describing a query accepts, refuses and explains; what hostile texts can do.

use crate::common::{client, settings, sql, table};
use domain::Value;
use sources::postgres::{ReadOptions, describe, read};
use sources::{Error, Place};
use testkit::database::fresh;

async fn names(query: &str) -> Result<Vec<String>, Error> {
    let database = fresh();
    sql(database.url(), "CREATE TABLE t (id int, name text)").await;
    let columns = describe(&settings(database.url()), query).await?;
    Ok(columns.into_iter().map(|column| column.name).collect())
}

#[tokio::test]
async fn a_semicolon_and_comments_at_the_end_are_fine() {
    let database = fresh();
    for query in [
        "SELECT 1 AS a",
        "SELECT 1 AS a;",
        "SELECT 1 AS a -- done",
        "SELECT 1 AS a -- not the end;",
        "SELECT 1 AS a; -- done; really\n  /* ; */ ; ;\n",
        "SELECT 1 AS a /* ; */;",
        "VALUES (1)",
        "WITH x AS (SELECT 1 AS a) SELECT * FROM x ORDER BY 1 LIMIT 5;",
    ] {
        let (_, rows) = table(&database, query).await.unwrap_or_else(|error| panic!("{query}: {error}"));
        assert_eq!(rows, [[Value::Int(1)]], "{query}");
    }
    let (_, rows) = table(&database, "SELECT ';' AS a, $$;--$$ AS b, E'\\';' AS c;").await.unwrap();
    assert_eq!(rows, [[";", ";--", "';"].map(|text| Value::Text(text.to_owned()))]);
}

#[tokio::test]
async fn names_may_be_anything_that_postgres_allows() {
    let database = fresh();
    let query = r#"SELECT 1 AS "a""b", 2 AS "UPPER", 3 AS "größe 名 🦀", 4 AS "select", 5 AS "q", 6 AS "--", 7"#;
    let (columns, rows) = table(&database, query).await.unwrap();
    let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["a\"b", "UPPER", "größe 名 🦀", "select", "q", "--", "?column?"]);
    assert_eq!(rows, [[1, 2, 3, 4, 5, 6, 7].map(Value::Int)]);
}

#[tokio::test]
async fn what_is_no_table_is_refused() {
    assert!(matches!(names("CREATE TABLE x (a int)").await, Err(Error::NoColumns)));
    assert!(matches!(names("SELECT").await, Err(Error::NoColumns)));
    assert!(matches!(names("").await, Err(Error::NoColumns)));
    assert!(matches!(names("-- nothing").await, Err(Error::NoColumns)));
    assert!(matches!(names("SELECT 1 AS a, 2 AS a").await, Err(Error::DuplicateColumn(name)) if name == "a"));
    assert!(matches!(names("SELECT * FROM t WHERE id = $1").await, Err(Error::Parameters)));
    for query in ["SHOW timezone", "INSERT INTO t VALUES (1) RETURNING id", "EXPLAIN SELECT 1"] {
        assert!(matches!(names(query).await, Err(Error::NotATable(_))), "{query}");
    }
    let modifies = "WITH x AS (DELETE FROM t RETURNING id) SELECT * FROM x";
    assert!(matches!(names(modifies).await, Err(Error::Query(_) | Error::NotATable(_))));
    assert_eq!(names("TABLE t").await.unwrap(), ["id", "name"]);
}

#[tokio::test]
async fn errors_point_into_the_text() {
    let place = |error: Error| match error {
        Error::Query(said) => (said.sqlstate, said.place),
        other => panic!("{other}"),
    };
    let error = names("SELECT 'äöü' AS a,\n  nmae\nFROM t").await.unwrap_err();
    assert!(error.to_string().starts_with("the query is not valid: line 2, column 3: column \"nmae\" does not exist"));
    assert!(error.to_string().contains("Hint: Perhaps you meant to reference the column \"t.name\""), "{error}");
    assert_eq!(place(error), ("42703".to_owned(), Some(Place { line: 2, column: 3 })));
    assert_eq!(place(names("SELEC 1").await.unwrap_err()).1, Some(Place { line: 1, column: 1 }));
    let missing = names("SELECT * FROM 'x'").await.unwrap_err();
    assert_eq!(place(missing), ("42601".to_owned(), Some(Place { line: 1, column: 15 })));
}

#[tokio::test]
async fn hostile_texts_are_refused_before_they_run() {
    let database = fresh();
    sql(database.url(), "CREATE TABLE victim (id int); INSERT INTO victim VALUES (1)").await;
    let settings = settings(database.url());
    let columns = describe(&settings, "SELECT 1 AS id").await.unwrap();
    for query in [
        "select 1) q) to stdout; drop table victim; --",
        "select 1 as id) q) to stdout (format binary); drop table victim; --",
        "select 1 as id; drop table victim",
        "commit; drop table victim",
        "select 1 as id) as q union select id from (select 2 as id",
        "select 1 as id /*",
        "copy victim to stdout",
        "copy (select 1 as id) to '/tmp/x'",
        "set transaction read write",
        "select 1 as id into other",
    ] {
        assert!(describe(&settings, query).await.is_err(), "described: {query}");
        assert!(read(&settings, query, &columns, &ReadOptions::default()).await.is_err(), "read: {query}");
    }
    let count = client(database.url()).await.query_one("SELECT count(*) FROM victim", &[]).await.unwrap();
    assert_eq!(count.get::<_, i64>(0), 1);
}

#[tokio::test]
async fn a_query_cannot_write_whatever_its_functions_try() {
    let database = fresh();
    sql(
        database.url(),
        "CREATE TABLE victim (id int);
         CREATE SEQUENCE counter;
         CREATE FUNCTION writes() RETURNS int LANGUAGE plpgsql AS $$
            BEGIN INSERT INTO victim VALUES (1); RETURN 1; END $$",
    )
    .await;
    for query in [
        "SELECT writes() AS a",
        "SELECT set_config('transaction_read_only', 'off', true) AS a",
        "SELECT set_config('transaction_read_only', 'off', true) AS a, writes() AS b",
        "SELECT nextval('counter') AS a",
    ] {
        let error = table(&database, query).await.unwrap_err();
        assert!(matches!(error, Error::Server(_) | Error::Query(_)), "{query}: {error:?}");
    }
    let count = client(database.url()).await.query_one("SELECT count(*) FROM victim", &[]).await.unwrap();
    assert_eq!(count.get::<_, i64>(0), 0);
}
