//! Columns that are compared and filtered where they stand: a shorter way than through a variable, and the same result.

use domain::{ColumnType, Value};

use crate::given::{Model, context, render, text};

fn values() -> Vec<Value> {
    let ints = [i64::MIN, -1, 0, 1, 7, i64::MAX].map(Value::Int);
    let texts = ["", "a", "b", "7", "é"].map(text);
    let others =
        [Value::Null, Value::Bool(true), Value::Bool(false), Value::Float(7.0), Value::Numeric("7".to_owned())];
    ints.into_iter().chain(texts).chain(others).collect()
}

/// None for a row that is refused: of it the place differs.
fn rendered(source: &str, left: &Value, right: &Value) -> Option<String> {
    let model = Model::new(&[("l", ColumnType::Json), ("r", ColumnType::Json)]);
    let template = model.text(source).unwrap();
    render(&template, &context(&[Some(left.clone()), Some(right.clone())])).ok()
}

#[test]
fn a_column_gives_what_a_variable_gives_that_holds_it() {
    const VARIABLES: &str = "{% assign l = row.l %}{% assign r = row.r %}";
    let compared =
        ["==", "!=", "<", "<=", ">", ">=", "contains"].map(|by| format!("{{% if L {by} R %}}1{{% endif %}}"));
    let others = [
        "{{ L | append: R }}",
        "{{ L | plus: R }}",
        "{{ L | replace: R, L }}",
        "{% if L %}1{% endif %}",
        "{{ L | upcase }}",
    ]
    .map(str::to_owned);
    for source in compared.into_iter().chain(others) {
        let direct = source.replace('L', "row.l").replace('R', "row.r");
        let assigned = format!("{VARIABLES}{}", source.replace('L', "l").replace('R', "r"));
        for left in &values() {
            for right in &values() {
                let (direct, assigned) = (rendered(&direct, left, right), rendered(&assigned, left, right));
                assert_eq!(direct, assigned, "{source} of {left:?} and {right:?}");
            }
        }
    }
}

#[test]
fn integers_are_compared_as_integers_are() {
    let source = ["==", "!=", "<", "<=", ">", ">="]
        .map(|by| format!("{{% if row.l {by} row.r %}}1{{% else %}}0{{% endif %}}"))
        .concat();
    let ints = [i64::MIN, -1, 0, 1, i64::MAX];
    for (left, right) in ints.iter().flat_map(|left| ints.iter().map(move |right| (*left, *right))) {
        let expected: String = [left == right, left != right, left < right, left <= right, left > right, left >= right]
            .map(|holds| if holds { '1' } else { '0' })
            .iter()
            .collect();
        assert_eq!(rendered(&source, &Value::Int(left), &Value::Int(right)), Some(expected), "{left} and {right}");
    }
}
