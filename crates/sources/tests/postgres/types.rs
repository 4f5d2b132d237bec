//! Every type against values that SQL wrote: each literal, and what it must become.

use crate::common::{sql, table};
use domain::{ColumnType, Value};
use testkit::database::{cluster, fresh};

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn numeric(text: &str) -> Value {
    Value::Numeric(text.to_owned())
}

fn json(text: &str) -> Value {
    Value::Json(text.to_owned())
}

fn ints(numbers: &[i64]) -> Value {
    Value::Array(numbers.iter().map(|number| Value::Int(*number)).collect())
}

fn texts(texts: &[&str]) -> Value {
    Value::Array(texts.iter().map(|t| text(t)).collect())
}

/// Each expression is a column of one query, so that all of them travel together.
async fn check(statements: &str, cases: &[(&str, &str, Value)]) {
    let database = fresh();
    sql(database.url(), statements).await;
    let list: Vec<_> =
        cases.iter().enumerate().map(|(at, (expression, _, _))| format!("{expression} AS c{at}")).collect();
    let (columns, rows) = table(&database, &format!("SELECT {}", list.join(",\n"))).await.unwrap();
    for (((expression, source_type, expected), column), value) in cases.iter().zip(&columns).zip(&rows[0]) {
        let (actual, expected) = ((value, column.source_type.as_str()), (expected, *source_type));
        assert_eq!(actual, expected, "{expression} as {:?}", column.kind);
    }
    assert_eq!(rows.len(), 1);
}

#[tokio::test]
async fn integers_of_every_width_are_exact() {
    check(
        "",
        &[
            ("'-32768'::int2", "smallint", Value::Int(-32768)),
            ("'32767'::int2", "smallint", Value::Int(32767)),
            ("'-2147483648'::int4", "integer", Value::Int(-2_147_483_648)),
            ("'-9223372036854775808'::int8", "bigint", Value::Int(i64::MIN)),
            ("'9223372036854775807'::int8", "bigint", Value::Int(i64::MAX)),
            ("'9007199254740993'::int8", "bigint", Value::Int(9_007_199_254_740_993)),
            ("'4294967295'::oid", "oid", Value::Int(4_294_967_295)),
            ("null::int4", "integer", Value::Null),
            ("true", "boolean", Value::Bool(true)),
            ("'no'::bool", "boolean", Value::Bool(false)),
        ],
    )
    .await;
}

#[tokio::test]
async fn numerics_keep_every_digit_and_their_scale() {
    let long = format!("{}.{}", "9".repeat(700), "12345".repeat(60));
    let expression = format!("'{long}'::numeric");
    let million = format!("1{}", "0".repeat(131_071));
    check(
        "",
        &[
            ("'0'::numeric", "numeric", numeric("0")),
            ("'-0.00'::numeric", "numeric", numeric("0.00")),
            ("'1.00'::numeric", "numeric", numeric("1.00")),
            ("'1.10'::numeric(10, 4)", "numeric(10,4)", numeric("1.1000")),
            ("'-123456789.000001'::numeric", "numeric", numeric("-123456789.000001")),
            ("'0.00001234'::numeric", "numeric", numeric("0.00001234")),
            ("'1e-20'::numeric", "numeric", numeric("0.00000000000000000001")),
            ("'1e20'::numeric", "numeric", numeric("100000000000000000000")),
            ("'10000.0001'::numeric", "numeric", numeric("10000.0001")),
            ("'1e131071'::numeric", "numeric", numeric(&million)),
            ("'NaN'::numeric", "numeric", numeric("NaN")),
            ("'Infinity'::numeric", "numeric", numeric("Infinity")),
            ("'-Infinity'::numeric", "numeric", numeric("-Infinity")),
            (&expression, "numeric", numeric(&long)),
        ],
    )
    .await;
}

#[tokio::test]
async fn floats_keep_their_shortest_decimal() {
    check(
        "",
        &[
            ("'0.1'::float8", "double precision", Value::Float(0.1)),
            ("'0.1'::float4", "real", Value::Float(0.1)),
            ("'3.4028235e38'::float4", "real", Value::Float(3.402_823_5e38)),
            ("'1e-45'::float4", "real", Value::Float(1e-45)),
            ("'1.7976931348623157e308'::float8", "double precision", Value::Float(f64::MAX)),
            ("'5e-324'::float8", "double precision", Value::Float(5e-324)),
            ("'Infinity'::float8", "double precision", Value::Float(f64::INFINITY)),
            ("'-Infinity'::float4", "real", Value::Float(f64::NEG_INFINITY)),
        ],
    )
    .await;
    let database = fresh();
    let query = "SELECT 'NaN'::float8 AS a, 'NaN'::float4 AS b, '-0'::float8 AS c, '-0'::float4 AS d";
    let (_, rows) = table(&database, query).await.unwrap();
    let float = |value: &Value| match value {
        Value::Float(float) => *float,
        other => panic!("{other:?} is no float"),
    };
    assert!(float(&rows[0][0]).is_nan() && float(&rows[0][1]).is_nan());
    for value in &rows[0][2..] {
        assert!(float(value) == 0.0 && float(value).is_sign_negative());
    }
}

#[tokio::test]
async fn text_arrives_as_it_was_written() {
    check(
        "",
        &[
            ("''::text", "text", text("")),
            (r#"'a''b"c\d/e'::text"#, "text", text(r#"a'b"c\d/e"#)),
            (r"E'tab\tline\nreturn\r'::text", "text", text("tab\tline\nreturn\r")),
            (r"E'\u00e9 \u0065\u0301 \U0001F468\u200d\U0001F469'::text", "text", text("é e\u{301} 👨\u{200d}👩")),
            ("'unknown'", "text", text("unknown")),
            ("'ab'::varchar(10)", "character varying(10)", text("ab")),
            ("'ab'::char(4)", "character(4)", text("ab  ")),
            ("'pg_class'::name", "name", text("pg_class")),
            (r"'\x00ff10'::bytea", "bytea", Value::Bytes(vec![0, 255, 16])),
            ("''::bytea", "bytea", Value::Bytes(Vec::new())),
            ("'c'::\"char\"", "\"char\"", text("c")),
        ],
    )
    .await;
}

#[tokio::test]
async fn dates_and_times_are_rfc_3339_where_it_has_words() {
    check(
        "",
        &[
            ("'2024-02-29'::date", "date", text("2024-02-29")),
            ("'infinity'::date", "date", text("infinity")),
            ("'-infinity'::date", "date", text("-infinity")),
            ("'0044-03-15 BC'::date", "date", text("0044-03-15 BC")),
            ("'4713-01-01 BC'::date", "date", text("4713-01-01 BC")),
            ("'5874897-12-31'::date", "date", text("5874897-12-31")),
            ("'12:34:56'::time", "time without time zone", text("12:34:56")),
            ("'00:00:00.000001'::time", "time without time zone", text("00:00:00.000001")),
            ("'24:00'::time", "time without time zone", text("24:00:00")),
            ("'12:34:56.5+05:30'::timetz", "time with time zone", text("12:34:56.5+05:30")),
            ("'12:34:56-00:00:30'::timetz", "time with time zone", text("12:34:56-00:00:30")),
            ("'12:34:56+00'::timetz", "time with time zone", text("12:34:56Z")),
            ("'2024-01-02 03:04:05'::timestamp", "timestamp without time zone", text("2024-01-02T03:04:05")),
            (
                "'2024-01-02 03:04:05.120'::timestamp(3)",
                "timestamp(3) without time zone",
                text("2024-01-02T03:04:05.12"),
            ),
            ("'infinity'::timestamp", "timestamp without time zone", text("infinity")),
            (
                "'2024-01-02 03:04:05.000001+02'::timestamptz",
                "timestamp with time zone",
                text("2024-01-02T01:04:05.000001Z"),
            ),
            (
                "'1999-12-31 23:59:59.999999Z'::timestamptz",
                "timestamp with time zone",
                text("1999-12-31T23:59:59.999999Z"),
            ),
            ("'-infinity'::timestamptz", "timestamp with time zone", text("-infinity")),
            ("'4713-01-01 00:00 BC'::timestamptz", "timestamp with time zone", text("4713-01-01T00:00:00Z BC")),
            (
                "'294276-12-31 23:59:59.999999'::timestamp",
                "timestamp without time zone",
                text("294276-12-31T23:59:59.999999"),
            ),
            ("'1 year 2 months -3 days 04:05:06.789'::interval", "interval", text("P1Y2M-3DT4H5M6.789S")),
            ("'-00:00:00.5'::interval", "interval", text("PT-0.5S")),
            ("'0'::interval", "interval", text("PT0S")),
            ("'1 day'::interval", "interval", text("P1D")),
            ("'24 hours'::interval", "interval", text("PT24H")),
        ],
    )
    .await;
}

#[tokio::test]
async fn uuid_json_and_jsonb_are_kept() {
    check(
        "",
        &[
            ("'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::uuid", "uuid", text("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
            (r#"'{"b": 1.00, "a" : [1,  2], "b": 2}'::json"#, "json", json(r#"{"b": 1.00, "a" : [1,  2], "b": 2}"#)),
            (r#"'{"b": 1.00, "a" : [1,  2], "b": 2}'::jsonb"#, "jsonb", json(r#"{"a": [1, 2], "b": 2}"#)),
            ("'1e400'::jsonb", "jsonb", json(&format!("1{}", "0".repeat(400)))),
            ("'null'::jsonb", "jsonb", json("null")),
        ],
    )
    .await;
}

#[tokio::test]
async fn every_other_type_arrives_as_its_text() {
    let statements = "
        CREATE TYPE mood AS ENUM ('sad', 'ok', 'it''s \"fine\"');
        CREATE DOMAIN positive AS int CHECK (VALUE > 0);
        CREATE DOMAIN moody AS mood;
        CREATE DOMAIN words AS text[];
        CREATE TYPE pair AS (a int, b text, c timestamptz);
        CREATE TYPE span AS RANGE (subtype = float8);
        CREATE TABLE things (id int, name text)";
    let acl = format!("{0}=r*/{0}", cluster().user());
    check(
        statements,
        &[
            ("'it''s \"fine\"'::mood", "mood", text("it's \"fine\"")),
            ("'7'::positive", "integer", Value::Int(7)),
            ("'ok'::moody", "mood", text("ok")),
            ("'{a,b}'::words", "text[]", texts(&["a", "b"])),
            (
                r#"'(1,"x, ""y""",2024-01-01 12:00+02)'::pair"#,
                "pair",
                text(r#"(1,"x, ""y""","2024-01-01 10:00:00+00")"#),
            ),
            ("row(1, 'a')", "record", text("(1,a)")),
            ("(SELECT t FROM (VALUES (1, 'x')) AS t (id, name))", "record", text("(1,x)")),
            ("'[1,5)'::int4range", "int4range", text("[1,5)")),
            ("'{[1,2),[5,7)}'::int4multirange", "int4multirange", text("{[1,2),[5,7)}")),
            ("'[1.5,2.5]'::span", "span", text("[1.5,2.5]")),
            ("'10.0.0.1/8'::inet", "inet", text("10.0.0.1/8")),
            ("'10.0.0.1'::inet", "inet", text("10.0.0.1")),
            ("'2001:db8::/32'::cidr", "cidr", text("2001:db8::/32")),
            ("'08:00:2b:01:02:03'::macaddr", "macaddr", text("08:00:2b:01:02:03")),
            ("B'1011'::bit(4)", "bit(4)", text("1011")),
            ("'101'::varbit", "bit varying", text("101")),
            ("'(1,2)'::point", "point", text("(1,2)")),
            ("'a & b'::tsquery", "tsquery", text("'a' & 'b'")),
            ("'16/B374D848'::pg_lsn", "pg_lsn", text("16/B374D848")),
            ("'<a>é</a>'::xml", "xml", text("<a>é</a>")),
            ("'pg_class'::regclass", "regclass", text("pg_class")),
            ("'1 2'::int2vector", "int2vector", text("1 2")),
            ("'$.a[*]'::jsonpath", "jsonpath", text("$.\"a\"[*]")),
            ("makeaclitem(10, 10, 'SELECT', true)", "aclitem", text(&acl)),
            ("pg_sleep(0)", "void", text("")),
        ],
    )
    .await;
    // How money looks is the server's choice; it is what the server itself prints.
    let (_, rows) = table(&fresh(), "SELECT '12.34'::money AS a, '12.34'::money::text AS b").await.unwrap();
    assert_eq!(rows[0][0], rows[0][1]);
}

#[tokio::test]
async fn arrays_nest_and_hold_nulls() {
    let statements = "CREATE TYPE mood AS ENUM ('sad', 'ok, then'); CREATE TYPE pair AS (a int, b text);
        CREATE DOMAIN positive AS int CHECK (VALUE > 0)";
    check(
        statements,
        &[
            ("'{}'::int[]", "integer[]", ints(&[])),
            ("'{1,2}'::int2[]", "smallint[]", ints(&[1, 2])),
            ("'{1,NULL}'::int8[]", "bigint[]", Value::Array(vec![Value::Int(1), Value::Null])),
            ("'{4294967295}'::oid[]", "oid[]", ints(&[4_294_967_295])),
            ("'{{1,2},{3,4}}'::int[]", "integer[]", Value::Array(vec![ints(&[1, 2]), ints(&[3, 4])])),
            (
                "'{{{1}},{{2}}}'::int[]",
                "integer[]",
                Value::Array(vec![Value::Array(vec![ints(&[1])]), Value::Array(vec![ints(&[2])])]),
            ),
            ("'[0:1]={7,8}'::int[]", "integer[]", ints(&[7, 8])),
            (
                r#"'{"a,b","NULL",NULL,""}'::text[]"#,
                "text[]",
                Value::Array(vec![text("a,b"), text("NULL"), Value::Null, text("")]),
            ),
            ("'{1.10,NaN}'::numeric[]", "numeric[]", Value::Array(vec![numeric("1.10"), numeric("NaN")])),
            ("'{0.1}'::float4[]", "real[]", Value::Array(vec![Value::Float(0.1)])),
            ("'{t,f}'::bool[]", "boolean[]", Value::Array(vec![Value::Bool(true), Value::Bool(false)])),
            ("ARRAY['{\"a\": 1}'::jsonb]", "jsonb[]", Value::Array(vec![json(r#"{"a": 1}"#)])),
            (
                "ARRAY['2024-01-01 00:00+00'::timestamptz]",
                "timestamp with time zone[]",
                texts(&["2024-01-01T00:00:00Z"]),
            ),
            (r"ARRAY['\x01'::bytea]", "bytea[]", Value::Array(vec![Value::Bytes(vec![1])])),
            (r#"'{sad,"ok, then"}'::mood[]"#, "mood[]", texts(&["sad", "ok, then"])),
            (r#"ARRAY['(1,"x y")'::pair]"#, "pair[]", texts(&["(1,\"x y\")"])),
            ("ARRAY[row(1, 'a')]", "record[]", texts(&["(1,a)"])),
            ("ARRAY['10.0.0.1'::inet, '::1/64']", "inet[]", texts(&["10.0.0.1", "::1/64"])),
            ("'{1}'::positive[]", "positive[]", texts(&["1"])),
            ("array_remove('{1,NULL}'::int[], NULL)", "integer[]", ints(&[1])),
        ],
    )
    .await;
}

#[tokio::test]
async fn hundreds_of_generated_values_read_as_the_server_prints_them() {
    let database = fresh();
    let query = "SELECT
            ((random() - 0.5) * 10::numeric ^ (i % 40 - 20))::numeric AS a,
            round(((random() - 0.5) * 1e15)::numeric, i % 30) AS b,
            (random() * 1e9)::numeric * i * 10::numeric ^ (i % 60) AS c,
            '2000-01-01'::date + ((random() - 0.5) * 1400000)::int AS d,
            '2000-01-01'::timestamp + ((random() - 0.5) * 1400000) * interval '1 day' AS e,
            ('2000-01-01'::timestamp + ((random() - 0.5) * 1400000) * interval '1 day') AT TIME ZONE 'UTC' AS f,
            '00:00'::time + random() * interval '1 day' AS g,
            make_interval(months => ((random() - 0.5) * 200)::int, days => (i % 7) - 3, secs => (random() - 0.5) * 1e7) AS h,
            (random() - 0.5) * 10::float8 ^ (i % 600 - 300) AS j,
            ((random() - 0.5) * 10::float8 ^ (i % 70 - 35))::float4 AS k,
            gen_random_uuid() AS l
        FROM generate_series(1, 600) AS i";
    // The values are random, so they are stored before they are compared.
    sql(database.url(), &format!("CREATE TABLE generated AS {query}")).await;
    let compared = "SELECT a, b, c, d, e, f, g, h, j, k, l,
        a::text AS ta, b::text AS tb, c::text AS tc,
        to_json(d) #>> '{}' AS td, to_json(e) #>> '{}' AS te,
        replace(to_json(f) #>> '{}', '+00:00', 'Z') AS tf, g::text AS tg, h::text AS th,
        j::text AS tj, k::text AS tk, l::text AS tl FROM generated";
    let (columns, rows) = table(&database, compared).await.unwrap();
    assert_eq!(rows.len(), 600);
    for row in &rows {
        let (values, printed) = row.split_at(11);
        for ((value, printed), column) in values.iter().zip(printed).zip(&columns) {
            let Value::Text(printed) = printed else { panic!("{printed:?}") };
            match value {
                Value::Numeric(text) | Value::Text(text) => assert_eq!(text, printed, "{}", column.name),
                Value::Float(float) => assert_eq!(*float, printed.parse::<f64>().unwrap(), "{}", column.name),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn integers_of_every_width_have_the_same_canonical_bytes() {
    let database = fresh();
    let (columns, _) = table(&database, "SELECT 7::int2 AS a, 7::int4 AS b, 7::int8 AS c, 7::oid AS d").await.unwrap();
    assert!(columns.iter().all(|column| column.kind == ColumnType::Int));
}
