//! Valid JSON templates as trees, how they are written, and what they must become.

use std::fmt::Write;

use domain::Value;
use proptest::prelude::*;
use serde_json::Value as Json;

use crate::given::{Model, context, render};
use crate::hostile::{flag, hostile, json_text, list};

/// A value.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    Constant(String),
    Hole(String),
    /// The element of the innermost loop; null outside of loops.
    Element,
    String(Vec<Piece>),
    Array(Vec<Entry>),
    Object(Vec<Entry>),
    If(Test, Box<Part>, Box<Part>),
}

/// What stands in an array or an object. The number decides where commas and white space stand.
#[derive(Debug, Clone)]
pub(crate) enum Entry {
    Item(Part),
    If(Test, Vec<Entry>, Option<Vec<Entry>>, u8),
    For(Values, Vec<Entry>, u8),
    Silent(&'static str),
}

/// What stands in a string.
#[derive(Debug, Clone)]
pub(crate) enum Piece {
    Literal(String),
    Hole(String),
    Element,
    If(Test, Vec<Piece>, Option<Vec<Piece>>),
    For(Values, Vec<Piece>),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Test {
    Flag,
    NotFlag,
    Always,
    Never,
    Case,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Values {
    List,
    Reversed,
    Range(u8),
    Limited,
    /// Up to the second, where a `break` stands.
    Broken,
    /// Without the first, where a `continue` stands.
    Skipped,
}

pub(crate) fn hole() -> impl Strategy<Value = String> {
    let column = proptest::sample::select(vec!["t", "n", "m", "i", "f", "b", "j", "a", "flag", "list"]);
    let filter = proptest::sample::select(vec![
        "upcase",
        "json",
        "append: '\"],'",
        "default: 'x\"y'",
        "size",
        "strip | capitalize",
        "prepend: '\"\\n '",
        "replace: 'a', '\"'",
        "escape",
        "slice: 0, 2",
    ]);
    prop_oneof![
        4 => column.clone().prop_map(|name| format!("{{{{ row.{name} }}}}")),
        1 => column.prop_map(|name| format!("{{{{previous['{name}']}}}}")),
        2 => filter.prop_map(|filter| format!("{{{{ row.t | {filter} }}}}")),
        1 => proptest::sample::select(vec![
            "{{ op }}", "{{ row }}", "{{ previous }}", "{{ changed_columns }}", "{{ event.id }}", "{{ event.sequence }}",
            "{{ run.id }}", "{{ run.started_at }}", "{{ sync.id }}", "{{ sync.name }}", "{{row[\"t\"]}}",
            "{{ row.list[0] }}", "{{ row.list | json }}", "{{ row.list | first }}", "{{ 'a\"b' }}", "{{ 1.50 }}",
            "{{ row['list'].size }}", "{{ nil }}", "{{ row.list | join: '\",\"' }}", "{{ (1..3) }}", "{% echo row.t %}",
            "{{ row.j.a }}", "{{ row.list | reverse }}",
        ]).prop_map(str::to_owned),
    ]
}

fn test() -> impl Strategy<Value = Test> {
    proptest::sample::select(vec![Test::Flag, Test::NotFlag, Test::Always, Test::Never, Test::Case])
}

fn values() -> impl Strategy<Value = Values> {
    prop_oneof![
        Just(Values::List),
        Just(Values::Reversed),
        (0_u8..3).prop_map(Values::Range),
        Just(Values::Limited),
        Just(Values::Broken),
        Just(Values::Skipped),
    ]
}

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let literal = hostile().prop_map(|text| Piece::Literal(text.replace('{', "(").replace('%', "#")));
    let leaf = prop_oneof![3 => literal, 3 => hole().prop_map(Piece::Hole), 1 => Just(Piece::Element)];
    let piece = leaf.prop_recursive(2, 8, 3, |inner| {
        let some = proptest::collection::vec(inner, 0..3);
        prop_oneof![
            (test(), some.clone(), proptest::option::of(some.clone()))
                .prop_map(|(test, yes, no)| Piece::If(test, yes, no)),
            (values(), some).prop_map(|(values, body)| Piece::For(values, body)),
        ]
    });
    proptest::collection::vec(piece, 0..4)
}

fn entries(part: impl Strategy<Value = Part> + Clone + 'static) -> impl Strategy<Value = Vec<Entry>> {
    let silent = proptest::sample::select(vec![
        "{% assign z = row.t %}",
        "{% comment %}],[\"{% endcomment %}",
        "{% capture z %}\"]}{{ row.t }}{% endcapture %}",
        "{% # a comment %}",
        "{% for q in (1..2) %}{% assign z = q %}{% endfor %}",
        "{% if row.flag %}{% endif %}",
    ]);
    let leaf = prop_oneof![5 => part.prop_map(Entry::Item), 1 => silent.prop_map(Entry::Silent)];
    let entry = leaf.prop_recursive(2, 8, 3, |inner| {
        let some = proptest::collection::vec(inner, 0..3);
        prop_oneof![
            (test(), some.clone(), proptest::option::of(some.clone()), any::<u8>())
                .prop_map(|(test, yes, no, commas)| Entry::If(test, yes, no, commas)),
            (values(), some, any::<u8>()).prop_map(|(values, body, commas)| Entry::For(values, body, commas)),
        ]
    });
    proptest::collection::vec(entry, 0..4)
}

/// No output or tag begins in it.
fn without_tags(mut json: String) -> String {
    while json.contains("{{") || json.contains("{%") {
        json = json.replace("{{", "{ {").replace("{%", "{ %");
    }
    json
}

pub(crate) fn part() -> impl Strategy<Value = Part> {
    let leaf = prop_oneof![
        json_text().prop_map(|json| Part::Constant(without_tags(json))),
        hole().prop_map(Part::Hole),
        Just(Part::Element),
        pieces().prop_map(Part::String),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            2 => entries(inner.clone()).prop_map(Part::Array),
            2 => entries(inner.clone()).prop_map(Part::Object),
            1 => (test(), inner.clone(), inner)
                .prop_map(|(test, yes, no)| Part::If(test, Box::new(yes), Box::new(no))),
        ]
    })
}

/// Writes a template.
#[derive(Default)]
struct Writer {
    out: String,
    names: usize,
    loops: usize,
    /// The numbers of the loops around, the innermost last.
    around: Vec<usize>,
}

pub(crate) fn source(part: &Part) -> String {
    let mut writer = Writer::default();
    // An array keeps an `if` out of the top of the message where only a value is expected; both are tried.
    writer.part(part);
    writer.out
}

impl Writer {
    fn put(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn open_if(&mut self, test: Test) {
        self.put(match test {
            Test::Flag => "{% if row.flag %}",
            Test::NotFlag => "{% unless row.flag %}",
            Test::Always => "{%- if 1 == 1 and true -%}",
            Test::Never => "{% if false or row.t == row %}",
            Test::Case => "{% case op %}{% when 'added' or 'changed' %}",
        });
    }

    fn close_if(&mut self, test: Test) {
        self.put(match test {
            Test::NotFlag => "{% endunless %}",
            Test::Case => "{% endcase %}",
            _ => "{% endif %}",
        });
    }

    fn open_for(&mut self, values: Values) {
        self.loops += 1;
        self.around.push(self.loops);
        let n = self.loops;
        match values {
            Values::List => write!(self.out, "{{% for v{n} in row.list %}}"),
            Values::Reversed => write!(self.out, "{{%- for v{n} in row.list reversed %}}"),
            Values::Range(count) => write!(self.out, "{{% for v{n} in (1..{count}) %}}"),
            Values::Limited => write!(self.out, "{{% for v{n} in row.list limit: 2 offset: 1 -%}}"),
            Values::Broken => {
                write!(self.out, "{{% for v{n} in row.list %}}{{% if forloop.index == 2 %}}{{% break %}}{{% endif %}}")
            }
            Values::Skipped => {
                write!(self.out, "{{% for v{n} in row.list %}}{{%- if forloop.first -%}}{{% continue %}}{{% endif %}}")
            }
        }
        .unwrap();
    }

    fn close_for(&mut self) {
        self.around.pop();
        self.put("{% endfor %}");
    }

    fn element(&mut self) {
        match self.around.last() {
            Some(n) => write!(self.out, "{{{{ v{n} }}}}").unwrap(),
            None => self.put("{{ nil }}"),
        }
    }

    fn part(&mut self, part: &Part) {
        match part {
            Part::Constant(json) => self.put(json),
            Part::Hole(hole) => self.put(hole),
            Part::Element => self.element(),
            Part::String(pieces) => {
                self.put("\"");
                self.pieces(pieces);
                self.put("\"");
            }
            Part::Array(entries) => {
                self.put("[");
                self.entries(entries, None);
                self.put("]");
            }
            Part::Object(entries) => {
                self.put("{ ");
                self.entries(entries, Some(self.around.len()));
                self.put("}");
            }
            Part::If(test, yes, no) => {
                self.open_if(*test);
                self.part(yes);
                self.put("{% else %}");
                self.part(no);
                self.close_if(*test);
            }
        }
    }

    fn pieces(&mut self, pieces: &[Piece]) {
        for piece in pieces {
            match piece {
                Piece::Literal(text) => {
                    let escaped = serde_json::to_string(text).unwrap();
                    // White space next to a tag belongs to the tag's own control of it.
                    self.put(&escaped[1..escaped.len() - 1].replace(' ', "\\u0020"));
                }
                Piece::Hole(hole) => self.put(hole),
                Piece::Element => self.element(),
                Piece::If(test, yes, no) => {
                    self.open_if(*test);
                    self.pieces(yes);
                    if let Some(no) = no {
                        self.put("{% else %}");
                        self.pieces(no);
                    }
                    self.close_if(*test);
                }
                Piece::For(values, body) => {
                    self.open_for(*values);
                    self.pieces(body);
                    self.close_for();
                }
            }
        }
    }

    /// `outer` is there for an object: how many loops are around it.
    fn entries(&mut self, entries: &[Entry], outer: Option<usize>) {
        // A comma is needed between two items, even with a silent tag between them.
        let mut after_item = false;
        for entry in entries {
            match entry {
                Entry::Silent(tag) => {
                    self.put(tag);
                    continue;
                }
                Entry::Item(part) => {
                    if after_item {
                        self.put(",");
                    }
                    self.item(part, outer);
                    after_item = true;
                    continue;
                }
                Entry::If(test, yes, no, commas) => {
                    if commas & 1 > 0 && after_item {
                        self.put(" , ");
                    }
                    self.open_if(*test);
                    self.body(yes, outer, *commas);
                    if let Some(no) = no {
                        self.put("{% else %}");
                        self.body(no, outer, *commas);
                    }
                    self.close_if(*test);
                }
                Entry::For(values, body, commas) => {
                    if commas & 1 > 0 && after_item {
                        self.put(",\n");
                    }
                    self.open_for(*values);
                    self.body(body, outer, *commas);
                    if commas & 16 > 0 {
                        self.put("{% unless forloop.last %},{% endunless %}");
                    }
                    self.close_for();
                }
            }
            after_item = false;
        }
        if after_item && self.out.len().is_multiple_of(3) {
            self.put(", ");
        }
    }

    fn body(&mut self, entries: &[Entry], outer: Option<usize>, commas: u8) {
        if commas & 2 > 0 {
            self.put(" ,");
        }
        self.entries(entries, outer);
        if commas & 4 > 0 && entries.iter().any(|entry| matches!(entry, Entry::If(..) | Entry::For(..))) {
            self.put("\n");
        }
    }

    fn item(&mut self, part: &Part, outer: Option<usize>) {
        if let Some(outer) = outer {
            self.names += 1;
            write!(self.out, "\"m{}", self.names).unwrap();
            // One name for each turn of the loops in the object.
            for n in &self.around[outer..] {
                write!(self.out, "_{{% increment c{n}x{} %}}", self.names).unwrap();
            }
            self.put("\" : ");
        }
        self.part(part);
    }
}

/// Checks that the output has the structure of the template, and that strings hold exactly what was put into them.
pub(crate) struct Checker<'a> {
    pub(crate) model: &'a Model,
    pub(crate) row: &'a [Option<Value>],
}

impl Checker<'_> {
    fn truth(&self, test: Test) -> bool {
        match test {
            Test::Flag => flag(self.row),
            Test::NotFlag => !flag(self.row),
            Test::Always | Test::Case => true,
            Test::Never => false,
        }
    }

    fn elements(&self, values: Values) -> Vec<Json> {
        let list = list(self.row).into_iter().map(Json::from);
        match values {
            Values::List => list.collect(),
            Values::Reversed => list.rev().collect(),
            Values::Range(count) => (1..=count).map(Json::from).collect(),
            Values::Limited => list.skip(1).take(2).collect(),
            Values::Broken => list.take(1).collect(),
            Values::Skipped => list.skip(1).collect(),
        }
    }

    fn text(&self, pieces: &[Piece], element: Option<&Json>) -> String {
        let mut out = String::new();
        for piece in pieces {
            match piece {
                Piece::Literal(text) => out.push_str(text),
                Piece::Hole(hole) => {
                    out.push_str(&render(&self.model.text(hole).unwrap(), &context(self.row)).unwrap());
                }
                Piece::Element => match element {
                    Some(Json::String(text)) => out.push_str(text),
                    Some(other) => out.push_str(&other.to_string()),
                    None => {}
                },
                Piece::If(test, yes, no) => match (self.truth(*test), no) {
                    (true, _) => out.push_str(&self.text(yes, element)),
                    (false, Some(no)) => out.push_str(&self.text(no, element)),
                    (false, None) => {}
                },
                Piece::For(values, body) => {
                    for element in self.elements(*values) {
                        out.push_str(&self.text(body, Some(&element)));
                    }
                }
            }
        }
        out
    }

    fn items<'p>(&self, entries: &'p [Entry], element: Option<&Json>, out: &mut Vec<(&'p Part, Option<Json>)>) {
        for entry in entries {
            match entry {
                Entry::Item(part) => out.push((part, element.cloned())),
                Entry::If(test, yes, no, _) => match (self.truth(*test), no) {
                    (true, _) => self.items(yes, element, out),
                    (false, Some(no)) => self.items(no, element, out),
                    (false, None) => {}
                },
                Entry::For(values, body, _) => {
                    for element in self.elements(*values) {
                        self.items(body, Some(&element), out);
                    }
                }
                Entry::Silent(_) => {}
            }
        }
    }

    pub(crate) fn check(&self, part: &Part, element: Option<&Json>, output: &Json) -> Result<(), TestCaseError> {
        match (part, output) {
            (Part::Constant(json), output) => prop_assert_eq!(&serde_json::from_str::<Json>(json).unwrap(), output),
            (Part::Hole(_), _) => {}
            (Part::Element, output) => prop_assert_eq!(element.unwrap_or(&Json::Null), output),
            (Part::String(pieces), Json::String(string)) => prop_assert_eq!(&self.text(pieces, element), string),
            (Part::Array(entries), Json::Array(elements)) => {
                let mut items = Vec::new();
                self.items(entries, element, &mut items);
                prop_assert_eq!(items.len(), elements.len());
                for ((part, around), output) in items.iter().zip(elements) {
                    self.check(part, around.as_ref(), output)?;
                }
            }
            (Part::Object(entries), Json::Object(members)) => {
                let mut items = Vec::new();
                self.items(entries, element, &mut items);
                prop_assert_eq!(items.len(), members.len());
                for ((part, around), output) in items.iter().zip(members.values()) {
                    self.check(part, around.as_ref(), output)?;
                }
            }
            (Part::If(test, yes, no), output) => {
                self.check(if self.truth(*test) { yes } else { no }, element, output)?;
            }
            (part, output) => prop_assert!(false, "{part:?} became {output}"),
        }
        Ok(())
    }
}
