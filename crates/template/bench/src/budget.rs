//! How long the default budgets last, at the worst: for each filter over inputs and arguments that make it work most, for
//! tags and comparisons, and for what the tests of the crate call attacks.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use template::{Limits, PlainTemplate};

use crate::engines::timed;

/// 2026-01-02.
const NOW: i64 = 1_767_312_000_000_000;

/// What the budgets are made for, and how far from it nothing may be.
const AIM: Duration = Duration::from_millis(10);
const FACTOR: f64 = 3.0;

struct Worst {
    time: Duration,
    template: String,
    ended: &'static str,
}

pub fn run() {
    let context = context();
    let mut worst: BTreeMap<String, Worst> = BTreeMap::new();
    for filter in template::filters() {
        for input in INPUTS {
            for arguments in ARGUMENTS {
                measure(&mut worst, filter, &format!("{{% assign x = {input} | {filter}{arguments} %}}"), &context);
            }
        }
    }
    for body in BODIES {
        measure(&mut worst, body, body, &context);
    }
    let mut sorted: Vec<_> = worst.into_iter().collect();
    sorted.sort_by_key(|(_, worst)| std::cmp::Reverse(worst.time));
    for (name, Worst { time, template, ended }) in &sorted {
        let much = if time.as_secs_f64() > AIM.as_secs_f64() * FACTOR { "TOO MUCH" } else { "" };
        println!("    {:>7.2} ms  {ended:<7} {much:<8} {name:<24} {template}", time.as_secs_f64() * 1e3);
    }
}

/// The body many times, until a budget is used up. Of what seems to be the worst the shortest of three times counts, since
/// others disturb.
fn measure(worst: &mut BTreeMap<String, Worst>, name: &str, body: &str, context: &Value) {
    let source =
        format!("{{% for i in (1..1000) %}}{{% for k in (1..1000) %}}{}{{% endfor %}}{{% endfor %}}", body.repeat(20));
    let Ok(template) = PlainTemplate::compile(&source, Limits::DEFAULT) else { return };
    let mut ended = "";
    let mut time = || {
        let time = timed(|| {
            ended = match template.render(context, NOW, Limits::DEFAULT) {
                Err(error) if error.to_string().contains("too much work") => "work",
                Err(error) if error.to_string().contains("too much memory") => "memory",
                Err(error) if error.to_string().contains("longer than") => "output",
                Err(_) => "",
                Ok(_) => "end",
            };
        });
        (!ended.is_empty()).then_some(time)
    };
    let known = worst.get(name).map(|worst| worst.time);
    if time().is_some_and(|time| known.is_none_or(|known| known < time)) {
        let again = [time(), time()].into_iter().flatten().min().unwrap_or_default();
        if known.is_none_or(|known| known < again) {
            worst.insert(name.to_owned(), Worst { time: again, template: body.to_owned(), ended });
        }
    }
}

const INPUTS: [&str; 19] = [
    "one", "text", "words", "long", "cased", "spaces", "html", "digits", "decimal", "float", "date", "base64", "json",
    "texts", "numbers", "decimals", "objects", "object", "nested",
];

const ARGUMENTS: [&str; 17] = [
    "",
    ": 3",
    ": 0.1",
    ": 'a'",
    ": ''",
    ": ' '",
    ": 'id'",
    ": 'id', 7",
    ": 'a', ''",
    ": 'a', 'b'",
    ": long",
    ": digits",
    ": decimal",
    ": numbers",
    ": '%A %B %Y-%m-%dT%H:%M:%S.%N%z %s %j %U %c'",
    ": '%Y-%m-%d %H:%M:%S', timezone: 'America/New_York'",
    ": '%30000Y'",
];

/// Tags, paths, comparisons and outputs.
const BODIES: [&str; 40] = [
    "",
    "x",
    "a text that is a little longer than sixty-four bytes, so that there is something to copy",
    "{{ one }}",
    "{{ i }}",
    "{{ text }}",
    "{{ long }}",
    "{{ float }}",
    "{{ decimal }}",
    "{{ numbers }}",
    "{{ objects }}",
    "{{ object }}",
    "{{ forloop }}",
    "{{ forloop.parentloop.index }}",
    "{% assign x = forloop %}",
    "{% assign x = (1..1000) %}",
    "{% assign x = object.m299 %}",
    "{% assign x = objects[99].id %}",
    "{% assign x = objects.last.name %}",
    "{% assign x = [text] %}",
    "{% if 1 == 1 %}{% endif %}",
    "{% if 1 < 2 and 2 < 3 and 3 < 4 or false %}{% endif %}",
    "{% if decimal < 1.5 %}{% endif %}",
    "{% if digits > digits %}{% endif %}",
    "{% if long == long %}{% endif %}",
    "{% if long contains 'zzz' %}{% endif %}",
    "{% if long contains words %}{% endif %}",
    "{% if numbers contains 5001 %}{% endif %}",
    "{% if objects == objects %}{% endif %}",
    "{% if object == object %}{% endif %}",
    "{% case text %}{% when 'a', 'b', 'c' %}{% when words %}{% endcase %}",
    "{% cycle 'a', 'b' %}",
    "{% cycle text: 'a', 'b' %}",
    "{% increment y %}",
    "{% capture x %}{{ text }}{% endcapture %}",
    "{% ifchanged %}{{ text }}{% endifchanged %}",
    "{% for e in numbers %}{% endfor %}",
    "{% for e in objects reversed limit: 3 %}{% endfor %}",
    "{% tablerow e in (1..9) cols: 3 %}{% endtablerow %}",
    "{% for e in long %}{% endfor %}",
];

fn context() -> Value {
    let word = |n: usize| ["lorem", "ipsum", "dolor", "Sit", "AMET"][n % 5].to_owned() + &(n * 7_919 % 997).to_string();
    let words = |count: usize| (0..count).map(word).collect::<Vec<_>>();
    let object = |n: usize| json!({ "id": n * 31 % 101, "name": word(n), "active": n.is_multiple_of(3), "a": null });
    let nested = (0..40).fold(json!([1, "two"]), |inner, n| json!([inner, n]));
    let decimals: Vec<Value> = (0..1_000).map(|n| json!(format!("{}.{:020}", n * 7_919, n * 104_729))).collect();
    json!({
        "one": 1,
        "text": "A short text, as most are",
        "words": words(10).join(" "),
        "long": words(10_000).join(" "),
        "cased": "Straße ÀÉÎ ΑΣ ǆ ﬁ ".repeat(2_000),
        "spaces": " \t \n".repeat(10_000),
        "html": "<a href='x'>&amp;</a><!-- <b>\n".repeat(2_000),
        "digits": "1234567890".repeat(400),
        "decimal": format!("{}.{}", "12345".repeat(20), "67890".repeat(20)),
        "float": 12_345.678_9,
        "date": "2026-01-02 03:04:05.123456 +0100",
        "base64": "TG9yZW0gaXBzdW0g".repeat(2_000),
        "json": serde_json::to_string(&(0..400).map(object).collect::<Vec<_>>()).unwrap_or_default(),
        "texts": words(2_000),
        "numbers": (0..5_000).map(|n: usize| n * 7_919 % 4_999).collect::<Vec<_>>(),
        "decimals": decimals,
        "objects": (0..500).map(object).collect::<Vec<_>>(),
        "object": (0..300).map(|n| (format!("m{n}"), json!(word(n)))).collect::<serde_json::Map<_, _>>(),
        "nested": nested,
    })
}
