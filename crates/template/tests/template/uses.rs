//! What a template is known to use.

use domain::{ColumnType, Value};
use template::{Template, Uses};

use crate::given::{Model, context, render, text};

fn model() -> Model {
    Model::new(&[("a", ColumnType::Int), ("b", ColumnType::Text), ("c", ColumnType::Text), ("d", ColumnType::Text)])
}

#[test]
fn columns_of_row_and_previous_are_known_and_whole_rows_count_as_all() {
    let cases = [
        ("{}", Uses::default()),
        (r#"["{{row.c}}",{{row.a}},{{row.c}}]"#, Uses { row: vec![0, 2], ..Uses::default() }),
        ("{{previous.b}}", Uses { previous: vec![1], ..Uses::default() }),
        ("[{{row}},{{row.a}}]", Uses { row: vec![0, 1, 2, 3], ..Uses::default() }),
        ("{{previous}}", Uses { previous: vec![0, 1, 2, 3], ..Uses::default() }),
        ("{{changed_columns}}", Uses { changed_columns: true, ..Uses::default() }),
        ("{{event.id}}", Uses { event: true, ..Uses::default() }),
        ("{{event.sequence}}", Uses { event: true, ..Uses::default() }),
        ("{{run.started_at}}", Uses { run: true, ..Uses::default() }),
        (r#"["{{op}}",{{sync.name}}]"#, Uses::default()),
        (r#"{"{{row.d}}":{ {{row.b}}:1}}"#, Uses { row: vec![1, 3], ..Uses::default() }),
    ];
    for (source, uses) in cases {
        assert_eq!(*model().json(source).unwrap().uses(), uses, "{source}");
    }
}

#[test]
fn an_aligned_template_reads_rows_of_other_columns_in_another_order() {
    let model = model();
    let others = Model::new(&[("d", ColumnType::Text), ("z", ColumnType::Text), ("b", ColumnType::Text)]).columns;
    let row = [Some(text("d")), Some(text("z")), Some(text("b"))];
    let template = model.json("[{{row.d}},{{previous.b}},{{row.b}}]").unwrap().aligned(&others);
    assert_eq!(render(&template, &context(&row)).unwrap(), r#"["d",null,"b"]"#);
    assert_eq!((template.uses().row.as_slice(), template.uses().previous.as_slice()), (&[0, 2][..], &[2][..]));
    let lost = model.json("{{row.a}}").unwrap().aligned(&others);
    assert!(render(&lost, &context(&row)).unwrap_err().to_string().contains("not kept"));
    let whole = model.json("{{row}}").unwrap().aligned(&others);
    assert_eq!(render(&whole, &context(&row)).unwrap(), r#"{"b":"b","d":"d"}"#);
}

#[test]
fn a_key_may_not_use_what_differs_between_two_tries() {
    let model = model();
    for path in ["run.id", "run.started_at", "event.id", "event.sequence"] {
        let problem = Template::key(&format!("k-{{{{ {path} }}}}"), &model.names()).unwrap_err();
        assert_eq!((problem.line, problem.column), (1, 3));
        assert!(problem.message.contains(path), "{problem}");
    }
    let key = Template::key("{{ sync.name }}/{{ row.b }}", &model.names()).unwrap();
    let row = [Some(Value::Int(1)), Some(text("b"))];
    assert_eq!(render(&key, &context(&row)).unwrap(), "the \"best\" sync/b");
}
