//! What grows: ranges, texts, lists, and work that is quadratic.

use serde_json::{Value, json};

use super::Ends::{Bounded, Stopped};
use super::{Attack, again, attack, long_names, with};

pub(super) fn ranges() -> Vec<Attack> {
    let max = i64::MAX;
    vec![
        attack("a range of ten million", "{% for i in (1..10000000) %}{% endfor %}", Stopped),
        attack("a range of 5.6 terabytes", "{% for i in (1..100000000000) %}{% endfor %}", Stopped),
        attack("the longest range", format!("{{% for i in ({}..{max}) %}}{{% endfor %}}", i64::MIN), Stopped),
        attack(
            "a range of computed ends",
            "{% assign n = 99999999 | times: 9999 %}{% for i in (1..n) %}x{% endfor %}",
            Stopped,
        ),
        attack("the joined range", "{{ (1..1000000000) | join: ',' }}", Stopped),
        attack("the sorted range", "{{ (1..1000000000) | sort | first }}", Bounded),
        attack("the reversed range", "{% for i in (1..1000000000) reversed %}{% endfor %}", Stopped),
        attack("the mapped range", "{{ (1..1000000000) | map: 'x' | size }}", Stopped),
        attack("the concatenated range", "{% assign r = (1..1000000000) | concat: (1..1000000000) %}", Stopped),
        attack("the unique range", "{{ (1..1000000000) | uniq | size }}", Stopped),
        attack("the compared range", "{% assign r = (1..1000000000) %}{% if r contains 'x' %}{% endif %}", Bounded),
        attack("the size of a range", format!("{{{{ (0..{max}) | size }}}}"), Bounded),
        attack("a range as JSON", "{{ (1..1000000000) | json }}", Bounded),
        attack("a slice of a range", format!("{{{{ (1..{max}) | slice: 5, {max} }}}}"), Bounded),
        attack(
            "a little of a long range",
            format!("{{% for i in (1..{max}) limit: 3 %}}{{{{ i }}}}{{% endfor %}}"),
            Bounded,
        ),
        attack(
            "the end of a long range",
            format!("{{% for i in (1..{max}) offset: {} %}}x{{% endfor %}}", max - 2),
            Bounded,
        ),
        attack("a table of ten million", "{% tablerow i in (1..10000000) cols: 2 %}{% endtablerow %}", Stopped),
        attack("a table without columns", "{% tablerow i in (1..3) cols: 0 %}{{ i }}{% endtablerow %}", Bounded),
        attack("a table of fewer columns", "{% tablerow i in (1..3) cols: -7 %}{{ i }}{% endtablerow %}", Bounded),
        attack(
            "a table of many columns",
            format!("{{% tablerow i in (1..3) cols: {max} %}}{{{{ i }}}}{{% endtablerow %}}"),
            Bounded,
        ),
    ]
}

pub(super) fn growth() -> Vec<Attack> {
    let text = "{% assign s = 'abcdefgh' %}";
    let list = "{% assign l = 'a,b,c,d' | split: ',' %}";
    let long = json!({ "s": "x".repeat(500_000), "t": "&".repeat(500_000) });
    vec![
        attack("append doubles", again(text, "{% assign s = s | append: s %}", 30, ""), Stopped),
        attack("prepend doubles", again(text, "{% assign s = s | prepend: s %}", 30, ""), Stopped),
        attack(
            "append doubles in a loop",
            again(text, "{% for i in (1..60) %}{% assign s = s | append: s %}{% endfor %}", 1, ""),
            Stopped,
        ),
        attack("replace grows", again(text, "{% assign s = s | replace: '', s %}", 30, ""), Stopped),
        attack(
            "replace of a letter grows",
            again("{% assign s = 'aaaaaaaa' %}", "{% assign s = s | replace: 'a', s %}", 30, ""),
            Stopped,
        ),
        attack("capture doubles", again(text, "{% capture s %}{{ s }}{{ s }}{% endcapture %}", 30, ""), Stopped),
        attack("concat doubles", again(list, "{% assign l = l | concat: l %}", 30, ""), Stopped),
        attack(
            "join grows",
            again(list, "{% assign s = l | join: s %}{% assign l = s | split: '' %}", 30, ""),
            Stopped,
        ),
        with("split of a long text", "{{ s | split: '' | size }}", long.clone(), Stopped),
        with(
            "split and join by turns",
            again("", "{% assign s = s | split: 'x' | join: 'xx' %}", 30, ""),
            long.clone(),
            Stopped,
        ),
        with("escape grows", again("", "{% assign t = t | escape %}", 100, ""), long.clone(), Stopped),
        with("url_encode grows", again("", "{% assign t = t | url_encode %}", 100, ""), long.clone(), Stopped),
        with("base64 grows", again("", "{% assign s = s | base64_encode %}", 100, ""), long.clone(), Stopped),
        with(
            "json grows",
            again("{% assign t = '\"\\' %}", "{% assign t = t | json | append: '\"\\' %}", 100, ""),
            long.clone(),
            Stopped,
        ),
        with(
            "newlines grow",
            again("{% assign s = 'x\n\n\n\n' %}", "{% assign s = s | append: s | newline_to_br %}", 60, ""),
            long.clone(),
            Stopped,
        ),
        with("too much output", "{% for i in (1..1000) %}{{ s }}{% endfor %}", long.clone(), Stopped),
        attack(
            "too much constant output",
            format!("{{% for i in (1..100000) %}}{}{{% endfor %}}", "y".repeat(1_000)),
            Stopped,
        ),
        with("too much in a table", "{% tablerow i in (1..1000) %}{{ s }}{% endtablerow %}", long.clone(), Stopped),
        with(
            "too much in a variable",
            "{% capture c %}{% for i in (1..1000) %}{{ s }}{% endfor %}{% endcapture %}",
            long.clone(),
            Stopped,
        ),
        with("copies in many variables", long_names("{% capture v# %}{{ s }}{% endcapture %}", 100), long, Stopped),
        attack("a group for each turn", "{% for i in (1..1000000) %}{% cycle i: 'a', 'b' %}{% endfor %}", Stopped),
        attack(
            "a change for each turn",
            "{% for i in (1..1000000) %}{% ifchanged %}{{ i }}{% endifchanged %}{% endfor %}",
            Stopped,
        ),
    ]
}

pub(super) fn quadratic() -> Vec<Attack> {
    let list: Vec<u64> = (0..20_000).map(|n| n * 7_919 % 20_011).collect();
    let texts: Vec<String> = (0..5_000).map(|n| format!("{}{n}", "long ".repeat(30))).collect();
    let objects: Vec<Value> = (0..5_000).map(|n| json!({ "k": n, "v": { "x": [n] } })).collect();
    let context = json!({
        "l": list, "t": texts, "o": objects, "a": "a".repeat(300_000), "w": "a ".repeat(150_000),
        "h": "<script>".repeat(60_000), "c": "<!--".repeat(100_000), "q": "<".repeat(400_000), "p": "%".repeat(400_000),
    });
    let on = |name, template: &str, ends| with(name, template, context.clone(), ends);
    vec![
        on("a search for each element", "{% for i in l %}{% if l contains 'x' %}{% endif %}{% endfor %}", Stopped),
        on("a sort for each element", "{% for i in l %}{% assign s = l | sort %}{% endfor %}", Stopped),
        on("a text for each element", "{% for i in l %}{% assign s = l | join: ',' %}{% endfor %}", Stopped),
        on(
            "a size of words for each element",
            "{% for i in l %}{% assign s = w | split: ' ' | size %}{% endfor %}",
            Stopped,
        ),
        on("unique numbers", "{{ l | uniq | size }}", Bounded),
        on("unique texts", "{{ t | uniq | size }}", Bounded),
        on("unique objects", "{{ o | uniq | size }}", Bounded),
        on("unique objects by a member", "{{ o | uniq: 'v' | size }}", Bounded),
        on("sorted texts", "{{ t | sort | sort_natural | reverse | sort | size }}", Bounded),
        on(
            "chosen objects for each object",
            "{% for i in o %}{% assign x = o | where: 'k', i.k %}{% endfor %}",
            Stopped,
        ),
        on("chosen objects by objects", "{{ o | where: 'v', o[0].v | size }}", Bounded),
        on("equal lists", "{% for i in l %}{% if l == l %}{% endif %}{% endfor %}", Stopped),
        on(
            "a growing text",
            "{% assign s = '' %}{% for i in l %}{% assign s = s | append: 'x' %}{% endfor %}{{ s | size }}",
            Bounded,
        ),
        on("a growing list", "{% assign s = t %}{% for i in l %}{% assign s = s | concat: t %}{% endfor %}", Stopped),
        on(
            "a needle that is almost there",
            "{% for i in (1..10000) %}{% if a contains 'aaaaaaaaaaaaaaaaaaaaaaaab' %}{% endif %}{% endfor %}",
            Stopped,
        ),
        on(
            "one replacement after another",
            "{% for i in (1..10000) %}{% assign a = a | replace_first: 'a', 'b' %}{% endfor %}",
            Stopped,
        ),
        on("scripts without end", "{{ h | strip_html | size }}", Bounded),
        on("comments without end", "{{ c | strip_html | size }}", Bounded),
        on("tags without end", "{{ q | strip_html | size }}", Bounded),
        on("percent signs", "{{ p | url_decode | size }}", Bounded),
        on("letters of a long text", "{% for i in (0..100000) %}{{ a | slice: i }}{% endfor %}", Stopped),
        on("the last letters of a long text", "{% for i in (0..100000) %}{{ a | slice: -1 }}{% endfor %}", Stopped),
        on(
            "cases for each element",
            "{% for i in l %}{% case a %}{% when a %}{{ i }}{% endcase %}{% endfor %}",
            Bounded,
        ),
        on("hashes for each element", "{% for i in l %}{{ a | sha256 }}{% endfor %}", Stopped),
    ]
}
