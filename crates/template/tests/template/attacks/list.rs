//! What somebody would write to hurt the service. The tests of the whole read this list too.

use serde_json::{Value, json};

pub(crate) struct Attack {
    pub(crate) name: &'static str,
    pub(crate) template: String,
    pub(crate) context: Value,
    pub(crate) ends: Ends,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ends {
    /// It does not compile.
    Refused,
    /// It compiles, and rendering ends with an error.
    Stopped,
    /// It renders this.
    Renders(String),
    /// It may render or not; nothing else may happen.
    Bounded,
}

use Ends::{Bounded, Refused, Stopped};

pub(crate) fn all() -> Vec<Attack> {
    let kinds = [ranges, growth, numbers, nesting, long_sources, quadratic, dates, odd_loops, unicode];
    kinds.iter().flat_map(|attacks| attacks()).collect()
}

fn attack(name: &'static str, template: impl Into<String>, ends: Ends) -> Attack {
    with(name, template, json!({}), ends)
}

fn with(name: &'static str, template: impl Into<String>, context: Value, ends: Ends) -> Attack {
    Attack { name, template: template.into(), context, ends }
}

fn renders(text: &str) -> Ends {
    Ends::Renders(text.to_owned())
}

/// `count` times `step`, after `before`.
fn again(before: &str, step: &str, count: usize, after: &str) -> String {
    format!("{before}{}{after}", step.repeat(count))
}

fn ranges() -> Vec<Attack> {
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

fn growth() -> Vec<Attack> {
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

/// The text so many times, with a number in the place of `#`.
fn long_names(text: &str, count: usize) -> String {
    (0..count).map(|n| text.replace('#', &n.to_string())).collect()
}

fn numbers() -> Vec<Attack> {
    let digits = "9".repeat(60_000);
    let (least, most) = (i64::MIN, i64::MAX);
    vec![
        attack("a literal beyond 64 bits", "{{ 99999999999999999999999 }}", renders("99999999999999999999999")),
        attack("a literal of 60,000 digits", format!("{{{{ {digits} }}}}"), Bounded),
        attack("a text of 60,000 digits", format!("{{{{ '{digits}' | times: 2 }}}}"), Bounded),
        attack("a fraction of 60,000 digits", format!("{{{{ 0.{digits} | plus: 1 }}}}"), Bounded),
        attack("the least by minus one", format!("{{{{ {least} | divided_by: -1 }}}}"), renders("9223372036854775808")),
        attack("the rest of the least by minus one", format!("{{{{ {least} | modulo: -1 }}}}"), renders("0")),
        attack("the least without its sign", format!("{{{{ {least} | abs }}}}"), renders("9223372036854775808")),
        attack("beyond the most", format!("{{{{ {most} | plus: 1 }}}}"), renders("9223372036854775808")),
        attack("beyond the least", format!("{{{{ {least} | minus: 1 }}}}"), renders("-9223372036854775809")),
        attack(
            "the most times itself",
            format!("{{{{ {most} | times: {most} }}}}"),
            renders("85070591730234615847396907784232501249"),
        ),
        attack(
            "squares of squares",
            again("{% assign n = 99 %}", "{% assign n = n | times: n %}", 40, "{{ n }}"),
            Stopped,
        ),
        attack(
            "squares of fractions",
            again("{% assign n = 1.1 %}", "{% assign n = n | times: n %}", 40, "{{ n }}"),
            Bounded,
        ),
        attack("a huge exponent", "{{ '1e999999999' | plus: 1 }}", Bounded),
        attack("a huge negative exponent", "{{ '1e-999999999' | plus: 1 }}", Bounded),
        attack("an exponent beyond 64 bits", "{{ '1e99999999999999999999' | times: 2 }}", Bounded),
        attack(
            "a third of everything",
            again("{% assign n = 1.0 %}", "{% assign n = n | divided_by: 3.0 %}", 500, "{{ n }}"),
            Bounded,
        ),
        attack("a billion digits after the point", "{{ 1.5 | round: 1000000000 }}", Bounded),
        attack("a billion digits before the point", "{{ 15 | round: -1000000000 }}", Bounded),
        attack("division by zero", "{{ 1 | divided_by: 0 }}", Stopped),
        attack("the rest by zero", "{{ 1 | modulo: 0 }}", Stopped),
        attack(
            "extreme slices",
            format!("{{{{ 'abc' | slice: {least}, {most} }}}}{{{{ 'abc' | slice: {most}, {most} }}}}"),
            Bounded,
        ),
        attack("extreme truncation", format!("{{{{ 'abc' | truncate: {most} }}}}"), renders("abc")),
        attack("extreme truncation downward", format!("{{{{ 'abc' | truncate: {least} }}}}"), Bounded),
        attack(
            "extreme words",
            format!("{{{{ 'a b' | truncatewords: {most} }}}}{{{{ 'a b' | truncatewords: {least} }}}}"),
            Bounded,
        ),
        with(
            "extreme indexes",
            format!("{{{{ l[{least}] }}}}{{{{ l[{most}] }}}}{{{{ l[-4] }}}}"),
            json!({ "l": [1, 2, 3] }),
            renders(""),
        ),
        with(
            "a float that is no number",
            "{{ s | times: 1e308 | times: 1e308 | minus: s }}",
            json!({ "s": "1e308" }),
            Bounded,
        ),
        attack(
            "counting without end",
            again("", "{% for i in (1..100000) %}{% increment n %}{% endfor %}", 10, ""),
            Stopped,
        ),
    ]
}

fn nesting() -> Vec<Attack> {
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

fn long_sources() -> Vec<Attack> {
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

fn quadratic() -> Vec<Attack> {
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

fn dates() -> Vec<Attack> {
    vec![
        attack("a year of a billion digits", "{{ '2024-01-01' | date: '%999999999Y' }}", Stopped),
        attack("a year of ten billion digits", "{{ '2024-01-01' | date: '%9999999999Y' }}", Stopped),
        attack("a width beyond 64 bits", "{{ '2024-01-01' | date: '%99999999999999999999999Y' }}", Stopped),
        attack("wide nanoseconds", "{{ '2024-01-01' | date: '%999999999N' }}", Stopped),
        attack("a long format", format!("{{{{ '2024-01-01' | date: '{}' }}}}", "%c".repeat(30_000)), Bounded),
        attack("a format of flags", format!("{{{{ '2024-01-01' | date: '%{}Y' }}}}", "-0^#_:".repeat(9_000)), Bounded),
        attack("a format of a percent sign", "{{ '2024-01-01' | date: '%' }}{{ '2024-01-01' | date: '%-' }}", Bounded),
        attack(
            "a second before time began",
            format!("{{{{ {} | date: '%Y' }}}}{{{{ {} | date: '%c' }}}}", i64::MIN, i64::MAX),
            Bounded,
        ),
        attack("a date of 60,000 characters", format!("{{{{ '{}' | date: '%Y' }}}}", "1-".repeat(30_000)), Bounded),
        attack("a date for each turn", "{% for i in (1..1000000) %}{{ i | date: '%c %c %c %c' }}{% endfor %}", Stopped),
        attack("no date at all", "{{ '0000-00-00' | date: '%Y' }}{{ '9999-99-99T99:99:99Z' | date: '%Y' }}", Bounded),
    ]
}

fn odd_loops() -> Vec<Attack> {
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

fn unicode() -> Vec<Attack> {
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
