//! What a message sees, from JSON.

use std::collections::BTreeMap;

use domain::{Change, Column, ColumnType, NumberForm, Value as Typed};
use serde::Deserialize;
use serde_json::{Map, Number, Value};

/// A row with its event, and the model that its values make.
pub(super) struct Given {
    pub(super) columns: Vec<Column>,
    /// Numbers that are no integers of 64 bits are written as numbers, with every digit.
    pub(super) numbers: BTreeMap<String, NumberForm>,
    /// Some column has no value that tells its type.
    pub(super) untyped: bool,
    pub(super) row: Vec<Option<Typed>>,
    pub(super) previous: Option<Vec<Option<Typed>>>,
    /// Of a row that fans out.
    pub(super) element: Option<Typed>,
    pub(super) written: Written,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    #[serde(default)]
    row: Map<String, Value>,
    #[serde(default)]
    previous: Option<Map<String, Value>>,
    #[serde(default)]
    element: Option<Value>,
    #[serde(default)]
    pub(super) changed_columns: Option<Vec<String>>,
    #[serde(default = "added")]
    pub(super) op: Change,
    #[serde(default)]
    pub(super) event: Event,
    #[serde(default)]
    pub(super) run: Run,
    #[serde(default)]
    pub(super) sync: Sync,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) sequence: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Run {
    pub(super) id: String,
    /// RFC 3339.
    pub(super) started_at: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Sync {
    pub(super) id: String,
    pub(super) name: String,
}

// Stand-ins for what the context leaves out.
impl Default for Event {
    fn default() -> Self {
        Self { id: "event".to_owned(), sequence: 1 }
    }
}

impl Default for Run {
    fn default() -> Self {
        Self { id: "run".to_owned(), started_at: None }
    }
}

impl Default for Sync {
    fn default() -> Self {
        Self { id: "sync".to_owned(), name: "sync".to_owned() }
    }
}

const fn added() -> Change {
    Change::Added
}

impl Given {
    pub(super) fn read(context: &Value) -> Result<Self, String> {
        let mut written =
            Written::deserialize(context).map_err(|error| format!("the context is not as it should be: {error}"))?;
        let (row, previous) = (std::mem::take(&mut written.row), written.previous.take());
        let element = written.element.take().map(|element| match &element {
            // As it is, with every digit.
            Value::Number(number) if number.as_i64().is_none() => Ok(Typed::Json(decimal(number)?)),
            element => typed(element, &ColumnType::Jsonb),
        });
        let mut given = Self {
            columns: vec![],
            numbers: BTreeMap::new(),
            untyped: false,
            row: vec![],
            previous: None,
            element: element.transpose()?,
            written,
        };
        for name in row.keys().chain(previous.iter().flat_map(Map::keys)) {
            given.column(name, &row, previous.as_ref())?;
        }
        given.row = given.values(&row)?;
        given.previous = previous.as_ref().map(|previous| given.values(previous)).transpose()?;
        Ok(given)
    }

    /// The type of a column is that of its value, before and now.
    fn column(
        &mut self,
        name: &str,
        row: &Map<String, Value>,
        previous: Option<&Map<String, Value>>,
    ) -> Result<(), String> {
        if self.columns.iter().any(|column| column.name == name) {
            return Ok(());
        }
        let kinds = [row.get(name), previous.and_then(|previous| previous.get(name))].map(|value| value.and_then(kind));
        let kind = match kinds {
            [Some(now), Some(before)] => Some(common(now, before).ok_or_else(|| {
                format!("column `{name}` has a value of one type in `row` and of another in `previous`")
            })?),
            [now, before] => now.or(before),
        };
        self.untyped |= kind.is_none();
        if kind == Some(ColumnType::Numeric) {
            self.numbers.insert(name.to_owned(), NumberForm::Number);
        }
        let kind = kind.unwrap_or(ColumnType::Text);
        self.columns.push(Column { name: name.to_owned(), source_type: format!("{kind:?}").to_lowercase(), kind });
        Ok(())
    }

    /// In the order of the columns. One that is missing was not kept.
    fn values(&self, members: &Map<String, Value>) -> Result<Vec<Option<Typed>>, String> {
        let typed = |column: &Column| members.get(&column.name).map(|value| typed(value, &column.kind)).transpose();
        self.columns.iter().map(typed).collect()
    }
}

/// None for null, which every type has.
fn kind(value: &Value) -> Option<ColumnType> {
    match value {
        Value::Null => None,
        Value::Bool(_) => Some(ColumnType::Bool),
        Value::Number(number) if number.as_i64().is_some() => Some(ColumnType::Int),
        Value::Number(_) => Some(ColumnType::Numeric),
        Value::String(_) => Some(ColumnType::Text),
        Value::Array(_) | Value::Object(_) => Some(ColumnType::Jsonb),
    }
}

fn common(now: ColumnType, before: ColumnType) -> Option<ColumnType> {
    match (now, before) {
        (now, before) if now == before => Some(now),
        (ColumnType::Int, ColumnType::Numeric) | (ColumnType::Numeric, ColumnType::Int) => Some(ColumnType::Numeric),
        _ => None,
    }
}

fn typed(value: &Value, kind: &ColumnType) -> Result<Typed, String> {
    Ok(match (value, kind) {
        (Value::Null, _) => Typed::Null,
        (Value::Bool(value), _) => Typed::Bool(*value),
        (Value::Number(number), ColumnType::Numeric) => Typed::Numeric(decimal(number)?),
        (Value::Number(number), _) => number.as_i64().map(Typed::Int).ok_or("a number is none of 64 bits")?,
        (Value::String(text), _) => Typed::Text(text.clone()),
        (Value::Array(_) | Value::Object(_), _) => Typed::Json(value.to_string()),
    })
}

/// The digits without an exponent, as sources print a decimal.
fn decimal(number: &Number) -> Result<String, String> {
    const MOST: i64 = 1_000;
    let written = number.to_string();
    let Some((mantissa, exponent)) = written.split_once(['e', 'E']) else { return Ok(written) };
    let too_long = || format!("the number {written} has too many digits");
    let exponent: i64 = exponent.parse().map_err(|_| too_long())?;
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |mantissa| ("-", mantissa));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, fraction].concat();
    let length = i64::try_from(digits.len()).map_err(|_| too_long())?;
    let point = i64::try_from(whole.len()).map_err(|_| too_long())?.saturating_add(exponent);
    if !(-MOST..=MOST).contains(&point) || length > MOST {
        return Err(too_long());
    }
    // All three are small now.
    let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or_default());
    let text = if point <= 0 {
        format!("0.{}{digits}", zeros(-point))
    } else if point >= length {
        format!("{digits}{}", zeros(point - length))
    } else {
        let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or_default());
        format!("{whole}.{fraction}")
    };
    let whole = text.find('.').unwrap_or(text.len());
    let leading = text[..whole].len() - text[..whole].trim_start_matches('0').len();
    Ok(format!("{sign}{}", &text[leading.min(whole - 1)..]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Result<Given, String> {
        Given::read(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn columns_have_the_types_of_their_values() {
        let given = read(
            r#"{"row": {"a": true, "b": 7, "c": 1.50, "d": "x", "e": [1], "f": null, "g": 18446744073709551616},
                "previous": {"f": {"x": 1}, "b": null, "h": null}, "op": "changed", "event": {"id": "e"}}"#,
        )
        .unwrap();
        let kinds: Vec<&ColumnType> = given.columns.iter().map(|column| &column.kind).collect();
        let (bool, int, numeric, text, jsonb) =
            (&ColumnType::Bool, &ColumnType::Int, &ColumnType::Numeric, &ColumnType::Text, &ColumnType::Jsonb);
        assert_eq!(kinds, [bool, int, numeric, text, jsonb, jsonb, numeric, text]);
        assert!(given.untyped);
        assert_eq!(given.row[2], Some(Typed::Numeric("1.50".to_owned())));
        assert_eq!((&given.row[5], &given.row[7]), (&Some(Typed::Null), &None));
        assert_eq!(given.previous.unwrap()[..2], [None, Some(Typed::Null)]);
        assert_eq!((given.written.op, given.written.event.sequence), (Change::Changed, 1));
    }

    #[test]
    fn a_context_that_is_none_is_refused_with_its_reason() {
        for (text, word) in [
            ("7", "context"),
            (r#"{"row": {}, "rows": {}}"#, "rows"),
            (r#"{"row": {"a": 1}, "previous": {"a": "x"}}"#, "column `a`"),
            (r#"{"row": {"a": 1e9999999}}"#, "too many digits"),
            (r#"{"row": {}, "op": "deleted"}"#, "deleted"),
        ] {
            let error = read(text).err().unwrap_or_else(|| panic!("{text}"));
            assert!(error.contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn exponents_are_written_out() {
        let digits = |text: &str| decimal(&serde_json::from_str(text).unwrap()).unwrap();
        for (written, expected) in [
            ("1e3", "1000"),
            ("-1.25e1", "-12.5"),
            ("1.5E-3", "0.0015"),
            ("0.0012e2", "0.12"),
            ("12e-1", "1.2"),
            ("0e5", "0"),
            ("1.50", "1.50"),
        ] {
            assert_eq!(digits(written), expected, "{written}");
        }
        assert_eq!(json!(1).as_number().map(decimal), Some(Ok("1".to_owned())));
    }
}
