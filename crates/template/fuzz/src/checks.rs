//! What holds for any bytes: no panic, no output above its limit, and messages that are JSON.

use std::collections::BTreeMap;

use domain::{Change, Column, ColumnType, Value};
use serde_json::{Map, Number};
use template::{Context, Limits, Names, PlainTemplate, Template};

/// 2026-01-02.
const NOW: i64 = 1_767_312_000_000_000;
const LIMIT: usize = 64 << 10;
/// Of the values of a context.
const DEPTH: u32 = 4;

/// Each kind of template takes it or says what is wrong.
pub(crate) fn compile(data: &[u8]) {
    let Ok(source) = std::str::from_utf8(data) else { return };
    let columns = columns();
    let names = Names { columns: &columns, numbers: &BTreeMap::new() };
    let problems = [
        Template::json(source, &names).err(),
        Template::text(source, &names).err(),
        Template::key(source, &names).err(),
        PlainTemplate::compile(source, Limits::default()).err(),
    ];
    let lines = source.split('\n').count();
    for problem in problems.into_iter().flatten() {
        assert!((1..=lines).contains(&problem.line) && problem.column >= 1, "{problem}");
        assert!(problem.to_string().len() < 2_000, "{problem}");
    }
}

/// A template up to the first zero byte, and a context from the bytes behind it.
pub(crate) fn render(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    let Ok(source) = std::str::from_utf8(&data[..end]) else { return };
    let mut bytes = Bytes(data.get(end + 1..).unwrap_or_default());
    plain(source, &bytes.clone().context());
    message(source, &bytes.row());
}

fn plain(source: &str, context: &serde_json::Value) {
    let limits = Limits { output: LIMIT, ..Limits::default() };
    let Ok(template) = PlainTemplate::compile(source, limits) else { return };
    let first = template.render(context, NOW, limits);
    if let Ok(output) = &first {
        assert!(output.len() <= LIMIT);
    }
    assert_eq!(first.ok(), template.render(context, NOW, limits).ok(), "the same input, and another output");
}

fn message(source: &str, row: &[Option<Value>]) {
    let columns = columns();
    let names = Names { columns: &columns, numbers: &BTreeMap::new() };
    let context = Context {
        op: Change::Changed,
        row,
        previous: Some(row),
        changed_columns: Some(&["id", "a\"b"]),
        event_id: "e\"1",
        event_sequence: u64::MAX,
        run_id: "r",
        run_started_at: "2026-01-02T03:04:05Z",
        sync_id: "s",
        sync_name: "a \"name\"\\",
        element: None,
    };
    for (compiled, is_json) in [(Template::json(source, &names), true), (Template::text(source, &names), false)] {
        let Ok(template) = compiled else { continue };
        let mut out = Vec::new();
        if template.render(&context, &mut out, LIMIT).is_err() {
            assert!(out.is_empty());
            continue;
        }
        assert!(out.len() <= LIMIT);
        if is_json {
            let text = String::from_utf8_lossy(&out);
            let parsed: Result<serde_json::Value, _> = serde_json::from_slice(&out);
            assert!(parsed.is_ok(), "not JSON: {text}");
        }
    }
}

fn columns() -> Vec<Column> {
    let array = |kind| ColumnType::Array(Box::new(kind));
    [
        ("id", ColumnType::Int),
        ("t", ColumnType::Text),
        ("f", ColumnType::Float8),
        ("n", ColumnType::Numeric),
        ("j", ColumnType::Jsonb),
        ("b", ColumnType::Bool),
        ("l", array(ColumnType::Text)),
        ("a\"b", ColumnType::Bytea),
        ("d", ColumnType::TimestampTz),
    ]
    .map(|(name, kind)| Column { name: name.to_owned(), kind, source_type: String::new() })
    .to_vec()
}

/// Values from bytes; when they are used up, everything is zero.
#[derive(Clone)]
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn next(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn integer(&mut self) -> i64 {
        match self.next() % 8 {
            0 => 0,
            1 => i64::MIN,
            2 => i64::MAX,
            3 => i64::from_le_bytes(std::array::from_fn(|_| self.next())),
            _ => i64::from(self.next().cast_signed()),
        }
    }

    fn float(&mut self) -> f64 {
        match self.next() % 4 {
            0 => f64::from(self.next()) / 8.0,
            1 => 1e300,
            _ => f64::from_bits(u64::from_le_bytes(std::array::from_fn(|_| self.next()))),
        }
    }

    fn text(&mut self) -> String {
        const ODD: [&str; 8] =
            ["", "2024-02-29", "\"},{\"", "12.50", "1e999999999", "[1,{\"a\":[]}]", "é\u{301}👩‍👧", "<b>&"];
        let kind = self.next();
        if kind < 128 {
            return ODD[usize::from(kind % 8)].repeat(usize::from(kind / 8).pow(2).max(1));
        }
        let length = usize::from(kind - 128).min(self.0.len());
        let (text, rest) = self.0.split_at(length);
        self.0 = rest;
        String::from_utf8_lossy(text).into_owned()
    }

    fn json(&mut self, depth: u32) -> serde_json::Value {
        match self.next() % if depth == 0 { 5 } else { 8 } {
            0 => serde_json::Value::Null,
            1 => self.next().is_multiple_of(2).into(),
            2 => self.integer().into(),
            3 => Number::from_f64(self.float()).map_or(serde_json::Value::Null, Into::into),
            4 => self.text().into(),
            5 => (0..self.next() % 8).map(|_| self.json(depth - 1)).collect::<Vec<_>>().into(),
            // Many only on the outside, or they would multiply.
            6 => vec![self.json(depth - 1); usize::from(if depth == DEPTH { self.next() } else { 3 })].into(),
            _ => (0..self.next() % 8)
                .map(|at| (["a", "b", "size", "first", "x"][usize::from(at) % 5].to_owned(), self.json(depth - 1)))
                .collect::<Map<_, _>>()
                .into(),
        }
    }

    fn context(&mut self) -> serde_json::Value {
        ["a", "b", "c", "row"].into_iter().map(|name| (name.to_owned(), self.json(DEPTH))).collect::<Map<_, _>>().into()
    }

    /// A value for each of the columns, or null, or none.
    fn row(&mut self) -> Vec<Option<Value>> {
        let mut row = vec![
            Value::Int(self.integer()),
            Value::Text(self.text()),
            Value::Float(self.float()),
            Value::Numeric(format!("{}.{:03}", self.integer(), self.next())),
            Value::Json(self.json(DEPTH).to_string()),
            Value::Bool(self.next().is_multiple_of(2)),
            Value::Array(vec![Value::Text(self.text()), Value::Null, Value::Text(self.text())]),
            Value::Bytes(vec![self.next(); 3]),
            Value::Text("2024-02-29T13:05:09.25+01:00".to_owned()),
        ]
        .into_iter()
        .map(Some)
        .collect::<Vec<_>>();
        for value in &mut row {
            match self.next() {
                250.. => *value = None,
                240.. => *value = Some(Value::Null),
                _ => {}
            }
        }
        row
    }
}
