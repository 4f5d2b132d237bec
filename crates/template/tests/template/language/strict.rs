//! Text templates of the product: names are checked against the model.

use domain::{ColumnType, Value};
use template::Uses;

use crate::given::{Model, context, json, numeric, render, text};

fn model() -> Model {
    Model::new(&[
        ("id", ColumnType::Int),
        ("name", ColumnType::Text),
        ("data", ColumnType::Jsonb),
        ("tags", ColumnType::Array(Box::new(ColumnType::Text))),
        ("price", ColumnType::Numeric),
    ])
}

fn row() -> Vec<Option<Value>> {
    vec![
        Some(Value::Int(7)),
        Some(text("Ann")),
        Some(json(r#"{"a": [1, {"b": 1.10}], "n": null}"#)),
        Some(Value::Array(vec![text("x"), text("y")])),
        Some(numeric("12345678901234567890.10")),
    ]
}

#[test]
fn rows_render_with_tags_filters_and_paths_into_columns() {
    let (model, row) = (model(), row());
    for (source, expected) in [
        ("{{ row.name }}", "Ann"),
        ("{{ row['name'] | upcase }}", "ANN"),
        ("{{ row.data.a[1].b }}", "1.10"),
        ("{{ row.data.a[0] }} {{ row.data.a.size }} [{{ row.data.x.y }}]", "1 2 []"),
        ("{{ row.data.a }}", r#"[1,{"b":1.10}]"#),
        ("{{ row.data }}", r#"{"a":[1,{"b":1.10}],"n":null}"#),
        ("{{ row.tags }} {{ row.tags[1] }} {{ row.tags.size }}", r#"["x","y"] y 2"#),
        ("{% for t in row.tags %}{{ forloop.index }}{{ t }}{% endfor %}", "1x2y"),
        ("{% if row.tags contains 'y' %}y{% endif %}{% unless row.tags contains 'z' %}n{% endunless %}", "yn"),
        ("{% assign x = row.tags %}{% if x == row.tags %}y{% endif %}{% if 'x' == x[0] %}y{% endif %}", "yy"),
        ("{% for p in row %}{% if 'Ann' == p[1] %}{{ p[0] }}{% endif %}{% endfor %}", "name"),
        ("{{ row.price }}", "12345678901234567890.10"),
        ("{% assign p = row.price %}{{ p }}", "12345678901234567890.10"),
        ("{{ row.price | plus: 1 }}", "12345678901234567891.10"),
        ("{% if row.name == 'Ann' and row.id > 5 %}y{% endif %}", "y"),
        ("{% if row.data.n == nil %}y{% endif %}", "y"),
        ("{% case op %}{% when 'changed' %}c{% endcase %}", "c"),
        ("{% assign k = 'name' %}{{ row[k] }}", "Ann"),
        ("{% for p in row %}{{ p[0] }} {% endfor %}", "id name data tags price "),
        ("{{ row.nope | default: 'd' }}{{ row.nope? }}{{ nope? }}", "d"),
        ("{{ sync.name | size }}", "15"),
        ("{{ event.sequence }}{% assign s = event.sequence %} {{ s }}", "18446744073709551615 18446744073709551615"),
        ("{% capture c %}{{ row.id }}{% endcapture %}{{ c }}", "7"),
        ("{{ previous.name | default: 'none' }}", "none"),
        ("{% increment n %}{{ n }}", "01"),
    ] {
        let template = model.text(source).unwrap_or_else(|problem| panic!("{source}: {problem}"));
        assert_eq!(render(&template, &context(&row)).unwrap(), expected, "{source}");
    }
}

#[test]
fn unknown_names_are_problems_with_the_nearest_name() {
    for (source, column, message, advice) in [
        ("{% if row.nmae %}{% endif %}", 11, "no column `nmae`", "`row.name`"),
        ("{% for x in row.tgas %}{% endfor %}", 17, "no column `tgas`", "`row.tags`"),
        ("{{ row.name | append: row.nam }}", 27, "no column `nam`", "`row.name`"),
        ("{% assign total = 1 %}{{ totl }}", 26, "no `totl`", "`total`"),
        ("{% for item in row.tags %}{% endfor %}{{ item }}", 42, "no `item`", "body of its loop"),
        ("{{ name }}", 4, "no `name`", "`row.name`"),
        ("{{ forloop.index }}", 4, "no `forloop`", "loop"),
        ("{{ row.id.x }}", 11, "`id` of the type `Int` has no such part", "json"),
        ("{% for x in row.id %}{% endfor %}", 13, "no elements", "array"),
        ("{{ row.tags | plus: 1 }}", 4, "no number", "column"),
        ("{{ event.id | upcas }}", 15, "no filter `upcas`", "`upcase`"),
        ("{{ [name] }}", 4, "cannot be computed", "row[name]"),
    ] {
        let problem = model().text(source).unwrap_err();
        assert_eq!((problem.line, problem.column), (1, column), "{source}: {problem}");
        assert!(problem.message.contains(message) && problem.advice.contains(advice), "{source}: {problem}");
    }
}

#[test]
fn what_a_template_uses_is_known_over_all_branches() {
    for (source, uses) in [
        (
            "{% if row.id %}{{ row.name }}{% else %}{{ row.price }}{% endif %}",
            Uses { row: vec![0, 1, 4], ..Uses::default() },
        ),
        ("{{ row[op] }}", Uses { row: vec![0, 1, 2, 3, 4], ..Uses::default() }),
        ("{% for x in row.tags limit: row.id %}{% endfor %}", Uses { row: vec![0, 3], ..Uses::default() }),
        ("{% for p in row %}{% endfor %}", Uses { row: vec![0, 1, 2, 3, 4], ..Uses::default() }),
        ("{{ 'x' | append: previous.name }}", Uses { previous: vec![1], ..Uses::default() }),
        ("{{ 'now' | date: '%Y' }}", Uses { run: true, ..Uses::default() }),
        ("{% if changed_columns contains 'id' %}{% endif %}", Uses { changed_columns: true, ..Uses::default() }),
    ] {
        assert_eq!(*model().text(source).unwrap().uses(), uses, "{source}");
    }
}

#[test]
fn a_key_may_not_use_the_time() {
    let model = model();
    for source in ["{{ 'now' | date: '%Y' }}", "{% if op == 'added' %}{% endif %}", "{% assign x = run.id %}"] {
        let problem = template::Template::key(source, &model.names()).unwrap_err();
        assert!(problem.message.contains("a key cannot use"), "{source}: {problem}");
    }
}

#[test]
fn a_value_that_was_not_kept_ends_the_rendering() {
    let model = model();
    let mut row = row();
    row[1] = None;
    for source in ["{{ row.name }}", "{{ row.name | upcase }}", "{% if row.name %}{% endif %}"] {
        let error = render(&model.text(source).unwrap(), &context(&row)).unwrap_err();
        assert!(error.to_string().contains("`name` was not kept"), "{source}: {error}");
    }
}
