//! Templates and contexts that follow the grammar of Liquid, with odd values in odd places.

use serde_json::{Map, Value, json};

use crate::filters::Argument::{
    self, Any, Format, Index, List, MaybeAny, MaybeIndex, MaybeNumber, MaybeProperty, MaybeText, Number, Property, Text,
};
use crate::filters::{FILTERS, Kind};
use crate::values::{self, Chance};

pub(crate) struct Case {
    pub(crate) seed: u64,
    pub(crate) template: String,
    pub(crate) context: Value,
    /// Both, as engines read them.
    pub(crate) line: String,
}

/// The case of a seed.
pub(crate) fn case(seed: u64) -> Case {
    let mut chance = Chance::new(seed);
    let context = context(&mut chance);
    let mut writer = Writer { chance, text: String::new(), loops: Vec::new(), names: NAMES.to_vec() };
    for _ in 0..=writer.chance.below(3) {
        writer.node(0);
    }
    let template = writer.text;
    let line = json!({ "template": template, "context": context }).to_string();
    Case { seed, template, context, line }
}

/// The names of the context, and one that is not there.
const NAMES: [&str; 12] = ["a", "b", "n", "f", "yes", "nothing", "list", "words", "people", "user", "odd", "missing"];

fn context(chance: &mut Chance) -> Value {
    let list = |chance: &mut Chance, one: fn(&mut Chance) -> Value| {
        Value::Array((0..chance.below(6)).map(|_| one(chance)).collect())
    };
    let mut people = Vec::new();
    for _ in 0..chance.below(5) {
        let mut person = Map::new();
        person.insert("name".to_owned(), values::text(chance));
        if !chance.percent(25) {
            person.insert("age".to_owned(), values::integer(chance));
        }
        if chance.percent(50) {
            person.insert("vip".to_owned(), json!(chance.percent(50)));
        }
        people.push(Value::Object(person));
    }
    json!({
        "a": values::text(chance),
        "b": values::text(chance),
        "n": values::integer(chance),
        "f": values::float(chance),
        "yes": chance.percent(50),
        "nothing": null,
        "list": list(chance, values::integer),
        "words": list(chance, values::text),
        "people": people,
        "user": { "name": values::text(chance), "size": 3, "tags": list(chance, values::text), "address": { "city": "Oslo" } },
        "odd": values::any(chance, 2),
    })
}

struct Writer {
    chance: Chance,
    text: String,
    loops: Vec<&'static str>,
    names: Vec<&'static str>,
}

impl Writer {
    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn tag(&mut self, inside: &str) {
        let open = if self.chance.percent(12) { "{%-" } else { "{%" };
        let close = if self.chance.percent(12) { "-%}" } else { "%}" };
        self.text += &format!("{open} {inside} {close}");
    }

    fn node(&mut self, depth: u32) {
        let deep = if depth >= 2 { 6 } else { 16 };
        match self.chance.below(deep) {
            0 => {
                let text = *self.chance.one_of(&["x", " ", "\n", "  a b ", "é", "{ }", "%}", "-", "\n\n  y\t"]);
                self.push(text);
            }
            1..=4 => {
                let value = self.filtered();
                let (open, close) = match self.chance.below(12) {
                    0 => ("{{-", "}}"),
                    1 => ("{{", "-}}"),
                    _ => ("{{", "}}"),
                };
                self.text += &format!("{open} {value} {close}");
            }
            5 => {
                let (name, value) = (*self.chance.one_of(&["x", "y", "a"]), self.filtered());
                self.tag(&format!("assign {name} = {value}"));
                self.names.push(name);
            }
            6..=7 => self.condition(depth),
            8..=10 => self.repeat(depth),
            11 => self.case_of(depth),
            12 => {
                let name = *self.chance.one_of(&["x", "z"]);
                self.tag(&format!("capture {name}"));
                self.body(depth);
                self.tag("endcapture");
                self.names.push(name);
            }
            13 => {
                let name = *self.chance.one_of(&["i", "n", "j"]);
                let tag = *self.chance.one_of(&["increment", "decrement"]);
                self.tag(&format!("{tag} {name}"));
            }
            14 => {
                let group = *self.chance.one_of(&["", "", "'g': ", "a: "]);
                let values: Vec<String> = (0..=self.chance.below(3)).map(|_| self.value()).collect();
                self.tag(&format!("cycle {group}{}", values.join(", ")));
            }
            _ => self.rare(depth),
        }
    }

    fn rare(&mut self, depth: u32) {
        match self.chance.below(6) {
            0 => {
                self.tag("comment");
                let inside = *self.chance.one_of(&["{{ a }}", "", "{{ | }} {% no such tag %}"]);
                self.push(inside);
                self.tag("endcomment");
            }
            1 => {
                self.tag("raw");
                self.push("{{ a }} {% b");
                self.push("{% endraw %}");
            }
            2 => {
                let (one, other) = (self.filtered(), self.filtered());
                self.tag(&format!("liquid\n  assign q = {one}\n  echo q\n  echo {other}\n"));
            }
            3 => self.tag("# a remark"),
            4 => {
                let value = self.filtered();
                self.tag(&format!("echo {value}"));
            }
            _ => {
                self.tag("ifchanged");
                self.body(depth);
                self.tag("endifchanged");
            }
        }
    }

    fn body(&mut self, depth: u32) {
        for _ in 0..=self.chance.below(2) {
            self.node(depth + 1);
        }
    }

    fn condition(&mut self, depth: u32) {
        let tag = if self.chance.percent(25) { "unless" } else { "if" };
        let condition = self.test();
        self.tag(&format!("{tag} {condition}"));
        self.body(depth);
        if self.chance.percent(25) {
            let condition = self.test();
            self.tag(&format!("elsif {condition}"));
            self.body(depth);
        }
        if self.chance.percent(40) {
            self.tag("else");
            self.body(depth);
        }
        self.tag(&format!("end{tag}"));
    }

    fn test(&mut self) -> String {
        let mut text = self.comparison();
        while self.chance.percent(25) {
            let word = if self.chance.percent(50) { "and" } else { "or" };
            text += &format!(" {word} {}", self.comparison());
        }
        text
    }

    fn comparison(&mut self) -> String {
        if self.chance.percent(25) {
            return self.value();
        }
        let kind = *self.chance.one_of(&[Kind::Text, Kind::Number, Kind::Number, Kind::List]);
        let (left, other) = (self.value_of(kind), self.value_of(kind));
        let same: &[&str] = match kind {
            Kind::Text => &["==", "!=", "contains", "contains", "<", ">="],
            Kind::Number => &["==", "!=", "<", "<=", ">", ">="],
            _ => &["==", "!=", "contains"],
        };
        let by = *self.chance.one_of(same);
        match self.chance.below(12) {
            0 => format!("{left} {} empty", self.chance.one_of(&["==", "!="])),
            1 => format!("{left} {} blank", self.chance.one_of(&["==", "!="])),
            // Of different kinds.
            2 => format!("{left} {} {}", self.chance.one_of(&["==", "!="]), self.value()),
            3..=5 if by == "contains" => format!("{left} contains {}", self.value_of(Kind::Text)),
            _ => format!("{left} {by} {other}"),
        }
    }

    fn case_of(&mut self, depth: u32) {
        let subject = self.value();
        self.tag(&format!("case {subject}"));
        for _ in 0..=self.chance.below(2) {
            let (one, other) = (self.value(), self.value());
            let values = match self.chance.below(3) {
                0 => format!("{one}, {other}"),
                1 => format!("{one} or {other}"),
                _ => one,
            };
            self.tag(&format!("when {values}"));
            self.body(depth);
        }
        if self.chance.percent(50) {
            self.tag("else");
            self.body(depth);
        }
        self.tag("endcase");
    }

    fn repeat(&mut self, depth: u32) {
        let table = self.chance.percent(15);
        let tag = if table { "tablerow" } else { "for" };
        let variable = *self.chance.one_of(&["x", "p", "w"]);
        let values = match self.chance.below(8) {
            0..=1 => self.range(),
            2..=6 => {
                (*self.chance.one_of(&["list", "words", "people", "user.tags", "user", "a", "nothing"])).to_owned()
            }
            _ => self.path(),
        };
        let mut head = format!("{tag} {variable} in {values}");
        for (word, percent) in [("limit", 20), ("offset", 15), ("cols", if table { 60 } else { 0 })] {
            if self.chance.percent(percent) {
                let least = u64::from(word == "cols");
                head += &format!(" {word}:{}", self.chance.below(4) + least);
            }
        }
        if !table && self.chance.percent(8) {
            head += " offset: continue";
        }
        if !table && self.chance.percent(20) {
            // Shopify wants it before the others, and the others take it anywhere.
            head = head.replacen(&format!("in {values}"), &format!("in {values} reversed"), 1);
        }
        self.tag(&head);
        self.loops.push(if table { "tablerowloop" } else { "forloop" });
        self.names.push(variable);
        self.body(depth);
        if !table && self.chance.percent(15) {
            let (condition, word) = (self.test(), *self.chance.one_of(&["break", "continue"]));
            self.tag(&format!("if {condition}"));
            self.tag(word);
            self.tag("endif");
        }
        self.names.pop();
        self.loops.pop();
        if !table && self.chance.percent(20) {
            self.tag("else");
            self.body(depth);
        }
        self.tag(&format!("end{tag}"));
    }

    fn range(&mut self) -> String {
        let end = |writer: &mut Self| match writer.chance.below(4) {
            0 => "n".to_owned(),
            1 => "user.size".to_owned(),
            _ => (i64::try_from(writer.chance.below(8)).unwrap() - 2).to_string(),
        };
        let (from, to) = (end(self), end(self));
        // Both may be large, and then they are the same.
        if from == "n" && to != "n" || to == "n" && from != "n" {
            "(1..3)".to_owned()
        } else {
            format!("({from}..{to})")
        }
    }

    fn filtered(&mut self) -> String {
        let kinds = [Kind::Text, Kind::Text, Kind::Number, Kind::Number, Kind::List, Kind::People];
        let mut kind = *self.chance.one_of(&kinds);
        let odd = kind != Kind::People && self.chance.percent(6);
        let mut text = if odd { self.value() } else { self.value_of(kind) };
        while self.chance.percent(60) || kind == Kind::People {
            // Lists and objects as text differ from engine to engine.
            let odd = !matches!(kind, Kind::List | Kind::People) && self.chance.percent(4);
            let (name, takes, gives, arguments) = *self.chance.one_of(FILTERS);
            if takes != kind && takes != Kind::Any && kind != Kind::Any && !odd {
                continue;
            }
            text += &format!(" | {name}");
            for (at, argument) in arguments.iter().enumerate() {
                let argument = self.argument(*argument);
                if argument.is_empty() {
                    break;
                }
                text += if at == 0 { ": " } else { ", " };
                text += &argument;
            }
            kind = gives;
            if kind == Kind::Any {
                break;
            }
        }
        text
    }

    fn argument(&mut self, argument: Argument) -> String {
        // Now and then something else.
        let odd = self.chance.percent(3);
        let left_out = self.chance.percent(40);
        let from: &[&str] = match argument {
            _ if odd => return self.value(),
            MaybeNumber | MaybeIndex | MaybeText | MaybeProperty | MaybeAny if left_out => return String::new(),
            Number | MaybeNumber => &["0", "1", "2", "3", "-1", "-2", "7", "2.5", "0.5", "n", "f", "'3'", "1.0"],
            Index | MaybeIndex => &["0", "1", "2", "3", "-1", "-2", "7", "20"],
            Text | MaybeText => &["''", "' '", "'a'", "','", "'ab'", "'é'", "b", "\"'\"", "'<b>'", "'...'", "'1'"],
            Property | MaybeProperty => &["'name'", "'name'", "'age'", "'vip'", "'none'"],
            List => &["list", "words", "user.tags"],
            Format => &["'%Y-%m-%d'", "'%H:%M:%S'", "'%j %U %e'", "'%b %d, %y'", "'%%'", "'%-d.%-m.'", "'%s'"],
            Any | MaybeAny => return self.value(),
        };
        (*self.chance.one_of(from)).to_owned()
    }

    fn value(&mut self) -> String {
        match self.chance.below(9) {
            0..=2 => self.value_of(Kind::Text),
            3..=5 => self.value_of(Kind::Number),
            6 => self.value_of(Kind::List),
            7 => (*self.chance.one_of(&["true", "false", "nil", "yes", "nothing", "missing"])).to_owned(),
            _ => self.path(),
        }
    }

    fn value_of(&mut self, kind: Kind) -> String {
        let from: &[&str] = match kind {
            Kind::Text => &[
                "''",
                "'a'",
                "\"b c\"",
                "' x '",
                "'5'",
                "'1.50'",
                "'a,b,c'",
                "'Hello World'",
                "'<p>Ünï & co</p>'",
                "'2024-02-29 13:05:09'",
                "a",
                "b",
                "a",
                "b",
                "user.name",
                "user['name']",
                "words[0]",
                "user.tags.last",
            ],
            Kind::Number => &[
                "1",
                "0",
                "-3",
                "42",
                "1.5",
                "-0.25",
                "100.0",
                "0.1",
                "n",
                "f",
                "n",
                "f",
                "user.size",
                "words.size",
                "list[1]",
                "list.first",
                "people[0].age",
                "a.size",
            ],
            Kind::List => &["list", "words", "user.tags", "list", "words"],
            Kind::People => &["people"],
            Kind::Any => return self.path(),
        };
        (*self.chance.one_of(from)).to_owned()
    }

    fn path(&mut self) -> String {
        if let Some(name) = self.loops.last().filter(|_| self.text.len().is_multiple_of(5)) {
            let member = if *name == "forloop" {
                *self.chance.one_of(&[
                    "index",
                    "index0",
                    "rindex",
                    "rindex0",
                    "first",
                    "last",
                    "length",
                    "parentloop.index",
                ])
            } else {
                *self.chance.one_of(&[
                    "index",
                    "col",
                    "col0",
                    "row",
                    "col_first",
                    "col_last",
                    "first",
                    "last",
                    "length",
                ])
            };
            return format!("{name}.{member}");
        }
        let mut text = (*self.chance.one_of(&self.names)).to_owned();
        while self.chance.percent(22) {
            text += *self.chance.one_of(&[
                ".name",
                ".age",
                ".size",
                ".first",
                ".last",
                "[0]",
                "[-1]",
                "[1]",
                ".tags",
                "['name']",
                ".address.city",
                "[n]",
            ]);
        }
        text
    }
}
