//! What is written deep, long or oddly.

use serde_json::{Value, json};

use super::Ends::{Bounded, Refused, Stopped};
use super::{Attack, again, attack, long_names, renders, with};

pub(super) fn nesting() -> Vec<Attack> {
    let nested = |open: &str, close: &str| format!("{}x{}", open.repeat(1_500), close.repeat(1_500));
    let mut attacks = vec![
        attack("5,000 nested ifs", "{% if a %}".repeat(5_000), Refused),
        attack("20,000 nested brackets", format!("{{{{ {} }}}}", "x[".repeat(20_000)), Refused),
        attack("20,000 closed brackets", format!("{{{{ {}1{} }}}}", "x[".repeat(15_000), "]".repeat(15_000)), Refused),
        attack("20,000 bare brackets", format!("{{{{ {}1{} }}}}", "[".repeat(15_000), "]".repeat(15_000)), Refused),
        attack("20,000 parentheses", format!("{{% for i in {}1..2 %}}{{% endfor %}}", "(".repeat(20_000)), Refused),
        attack(
            "ranges in ranges",
            format!("{{% for i in {}1{} %}}{{% endfor %}}", "(1..".repeat(9_000), ")".repeat(9_000)),
            Refused,
        ),
        attack("a path of 20,000 steps", format!("{{{{ a{} }}}}", ".a".repeat(20_000)), Bounded),
        attack("a path of 10,000 indexes", format!("{{{{ a{} }}}}", "[0]".repeat(10_000)), Bounded),
        attack("nested liquid tags", "{% liquid\n".to_owned() + &"liquid ".repeat(8_000) + "%}", Bounded),
        attack(
            "nested blocks on lines",
            format!("{{% liquid\n{}{}%}}", "if a\n".repeat(3_000), "endif\n".repeat(3_000)),
            Refused,
        ),
        with(
            "loops in loops",
            "{% for a in l %}{% for b in l %}{% for c in l %}{% for d in l %}{% endfor %}{% endfor %}{% endfor %}{% endfor %}",
            json!({ "l": vec![1; 1_000] }),
            Stopped,
        ),
        attack("loops of ranges in loops", again("", "{% for i in (1..100) %}", 8, &"{% endfor %}".repeat(8)), Stopped),
        attack(
            "the parents of loops",
            again(
                "",
                "{% for i in (1..2) %}",
                12,
                &("{{ forloop.parentloop.parentloop }}{{ forloop }}".to_owned() + &"{% endfor %}".repeat(12)),
            ),
            Bounded,
        ),
        attack("a text that nests", format!("{{{{ '{}' | parse_json | json }}}}", "[".repeat(50_000)), Stopped),
        attack(
            "a text that nests and ends",
            format!("{{{{ '{}{}' | parse_json | json }}}}", "[".repeat(25_000), "]".repeat(25_000)),
            Stopped,
        ),
        with(
            "values that nest",
            "{{ d }}{{ d | json }}{{ d | join: '' }}{% for i in d %}{{ i }}{% endfor %}{{ d | uniq }}{{ d | sort }}",
            json!({ "d": deep(100) }),
            Bounded,
        ),
        with(
            "values that nest and compare",
            "{% if d == e %}{% endif %}{{ d | concat: e | uniq | compact | reverse | size }}",
            json!({ "d": deep(100), "e": deep(100) }),
            Bounded,
        ),
    ];
    for (name, open, close) in [
        ("nested unless", "{% unless a %}", "{% endunless %}"),
        ("nested for", "{% for a in b %}", "{% endfor %}"),
        ("nested tablerow", "{% tablerow a in b %}", "{% endtablerow %}"),
        ("nested case", "{% case a %}{% when 1 %}", "{% endcase %}"),
        ("nested capture", "{% capture a %}", "{% endcapture %}"),
        ("nested ifchanged", "{% ifchanged %}", "{% endifchanged %}"),
    ] {
        attacks.push(attack(name, nested(open, close), Refused));
    }
    attacks.push(attack("nested comments", nested("{% comment %}", "{% endcomment %}"), Bounded));
    attacks.push(attack("nested raw", nested("{% raw %}", "{% endraw %}"), Bounded));
    attacks
}

fn deep(levels: usize) -> Value {
    (0..levels).fold(json!(1), |inner, level| if level % 2 == 0 { json!([inner]) } else { json!({ "a": inner }) })
}

pub(super) fn long_sources() -> Vec<Attack> {
    let name = "n".repeat(60_000);
    vec![
        attack("a source above the limit", "x".repeat((64 << 10) + 1), Refused),
        attack("60,000 characters of a name", format!("{{{{ {name} }}}}"), Bounded),
        attack("6,000 filters", format!("{{{{ 'a'{} }}}}", "|upcase".repeat(6_000)), Bounded),
        attack("30,000 bars", format!("{{{{ a {} }}}}", "|".repeat(30_000)), Refused),
        attack("5,000 conditions", format!("{{% if a{} %}}{{% endif %}}", " and b or c".repeat(5_000)), Bounded),
        attack("a long comparison", format!("{{% if a{} %}}{{% endif %}}", " == a".repeat(10_000)), Bounded),
        attack("4,000 branches", format!("{{% if a %}}{}{{% endif %}}", "{% elsif b %}".repeat(4_000)), Bounded),
        attack(
            "10,000 values of a when",
            format!("{{% case a %}}{{% when 1{} %}}{{% endcase %}}", ", 1".repeat(10_000)),
            Bounded,
        ),
        attack("20,000 values of a cycle", format!("{{% cycle 1{} %}}", ",1".repeat(20_000)), Bounded),
        attack("5,000 arguments", format!("{{{{ 'a' | append: 'b'{} }}}}", ", 'c'".repeat(5_000)), Refused),
        attack("10,000 lines", format!("{{% liquid\n{}%}}", "echo a\n".repeat(8_000)), Bounded),
        attack("5,000 variables", long_names("{% assign v# = 1 %}", 2_500), Bounded),
        attack("unclosed outputs", "{{".repeat(30_000), Refused),
        attack("unclosed tags", "{%".repeat(30_000), Refused),
        attack("an unclosed text", format!("{{{{ '{}", "a".repeat(60_000)), Refused),
        attack("quotes by turns", format!("{{{{ {} }}}}", "'\"".repeat(20_000)), Refused),
        attack("trimmed space", format!("{}{}", " ".repeat(10_000), "{%- assign a = 1 -%}  ".repeat(2_000)), Bounded),
        attack("one brace after another", "{ ".repeat(30_000), renders(&"{ ".repeat(30_000))),
        attack("an end without a beginning", "{% endif %}".repeat(5_000), Refused),
        attack("an unclosed raw", "{% raw %}".to_owned() + &"{{ ".repeat(20_000), Refused),
        attack("an unclosed comment", "{% comment %}".to_owned() + &"{% if %}".repeat(7_000), Refused),
    ]
}

pub(super) fn odd_loops() -> Vec<Attack> {
    let (least, most) = (i64::MIN, i64::MAX);
    let list = json!({ "l": [1, 2, 3] });
    let on = |name, template: String, ends| with(name, template, list.clone(), ends);
    vec![
        on(
            "the longest limit and offset",
            format!("{{% for i in l limit: {most} offset: {most} %}}{{{{ i }}}}{{% endfor %}}"),
            Bounded,
        ),
        on(
            "the least limit and offset",
            format!("{{% for i in l limit: {least} offset: {least} %}}{{{{ i }}}}{{% endfor %}}"),
            Bounded,
        ),
        on(
            "continued beyond the end",
            format!(
                "{{% for i in l offset: {most} %}}{{% endfor %}}{{% for i in l offset: continue %}}{{{{ i }}}}{{% endfor %}}"
            ),
            Bounded,
        ),
        on(
            "a limit beyond 64 bits",
            "{% for i in l limit: 99999999999999999999 %}{{ i }}{% endfor %}".to_owned(),
            Bounded,
        ),
        on("a limit that is no number", "{% for i in l limit: 'x' %}{{ i }}{% endfor %}".to_owned(), Bounded),
        on("a limit with a fraction", "{% for i in l limit: 1.5 %}{{ i }}{% endfor %}".to_owned(), Bounded),
        on(
            "a loop over its own variable",
            "{% for l in l %}{% for l in l %}{{ l }}{% endfor %}{% endfor %}".to_owned(),
            Bounded,
        ),
        on(
            "a loop that grows its own list",
            "{% for i in l %}{% assign l = l | concat: l %}{% endfor %}{{ l | size }}".to_owned(),
            renders("24"),
        ),
        on(
            "a loop over itself",
            "{% for i in l %}{% for j in forloop %}{{ j }}{% endfor %}{% endfor %}".to_owned(),
            Bounded,
        ),
        on(
            "a name for the loop",
            "{% for forloop in l %}{{ forloop }}{% endfor %}{% assign forloop = 1 %}{{ forloop }}".to_owned(),
            Bounded,
        ),
        on(
            "a break in a capture",
            "{% for i in l %}{% capture x %}{% break %}{% endcapture %}{% endfor %}{{ x }}".to_owned(),
            Bounded,
        ),
        on("a break outside of a loop", "a{% break %}b{% continue %}c".to_owned(), Bounded),
        on("a cycle without values", "{% cycle %}".to_owned(), Refused),
        on(
            "ends that are no numbers",
            "{% for i in ('a'..'z') %}{{ i }}{% endfor %}{% for i in (nil..l) %}x{% endfor %}".to_owned(),
            Bounded,
        ),
        on("ends with fractions", "{% for i in (1.7..3.2) %}{{ i }}{% endfor %}".to_owned(), Bounded),
        on("files", "{% include 'x' %}".to_owned(), Refused),
        on("files by another name", "{% render '/etc/passwd' %}".to_owned(), Refused),
    ]
}

pub(super) fn unicode() -> Vec<Attack> {
    let odd = "a\u{0}\u{301}\u{202e}\u{feff}\u{1f468}\u{200d}\u{1f469}\u{fffd}\u{10ffff}ŉßİ";
    let context = json!({ "s": odd.repeat(200), "e": "e\u{301}".repeat(10_000) });
    let on = |name, template: &str| with(name, template, context.clone(), Bounded);
    vec![
        on("letters that grow", "{{ s | upcase | downcase | capitalize | upcase }}"),
        on(
            "cut letters",
            "{% for i in (-5..25) %}{{ s | slice: i, 3 }}{{ s | truncate: i, 'ß' }}{{ s | truncatewords: i }}{% endfor %}",
        ),
        on("split letters", "{{ e | split: '' | reverse | join: 'ß' | size }}"),
        on(
            "letters at the edge of a text",
            "{{ s | remove: '\u{301}' | replace: '\u{200d}', '' | strip | lstrip | rstrip | size }}",
        ),
        on("letters in addresses", "{{ s | url_encode | url_decode | escape | base64_encode | base64_decode | size }}"),
        on("half a letter", "{{ '%E2%82' | url_decode }}{{ '4oI=' | base64_decode }}"),
        attack("a name of letters", "{% assign ünïcödé = 1 %}{{ ünïcödé }}{{ 日本 }}", Bounded),
        attack("spaces that are none", "{{\u{a0}a\u{a0}}}{%\u{2003}if a\u{2003}%}{% endif %}", Bounded),
    ]
}
