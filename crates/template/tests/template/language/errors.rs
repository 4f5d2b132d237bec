use template::{Limits, Options, PlainTemplate};

use crate::given::Model;

#[test]
fn what_is_no_liquid_is_refused() {
    let model = Model::new(&[]);
    // Names that do not exist are fine here, so that only the language is judged.
    let options = Options { missing: domain::Missing::Null, ..Options::default() };
    assert!(
        template::Template::text_with("{% if a == b %}{{ c | upcase }}{% endif %}", &model.names(), options).is_ok()
    );
    for source in [
        "{{ a",
        "{{ a }",
        "{{ a } }}",
        "{% if a",
        "{% if %}{% endif %}",
        "{% if a %}",
        "{% if a %}{% endfor %}",
        "{% endif %}",
        "{% else %}",
        "{% when 1 %}",
        "{% nope %}",
        "{% %}",
        "{% if a = b %}{% endif %}",
        "{% if a == %}{% endif %}",
        "{% if a b %}{% endif %}",
        "{% if (a or b) and c %}{% endif %}",
        "{% if a && b %}{% endif %}",
        "{% if a == 1 == 2 %}{% endif %}",
        "{{ a b }}",
        "{{ a | }}",
        "{{ | upcase }}",
        "{{ a | upcase: }}",
        "{{ a | append: 'b', }}",
        "{{ a | append 'b' }}",
        "{{ a | nope }}",
        "{{ a | upcase: 1 }}",
        "{{ a | append }}",
        "{{ 'a }}",
        "{{ a. }}",
        "{{ a.0 }}",
        "{{ a[ }}",
        "{{ a[0 }}",
        "{{ a[] }}",
        "{{ .a }}",
        "{{ 'a'.size }}",
        "{{ (1..2 }}",
        "{{ (1...2) }}",
        "{{ 1.2.3 }}",
        "{{ a $ b }}",
        "{{ +1 }}",
        "{{ a == b }}",
        "{% assign %}",
        "{% assign x %}",
        "{% assign x = %}",
        "{% assign x == 1 %}",
        "{% assign 1 = 2 %}",
        "{% capture %}{% endcapture %}",
        "{% capture x %}",
        "{% for %}{% endfor %}",
        "{% for i %}{% endfor %}",
        "{% for i in %}{% endfor %}",
        "{% for i of l %}{% endfor %}",
        "{% for i in l nope:1 %}{% endfor %}",
        "{% for i in l limit %}{% endfor %}",
        "{% for i in l limit:1 reversed %}{% endfor %}",
        "{% for i in l %}",
        "{% case %}{% endcase %}",
        "{% case x %}{% when %}{% endcase %}",
        "{% cycle %}",
        "{% increment %}",
        "{% raw %}",
        "{% comment %}",
        "{% doc %}",
        "{% include 'x' %}",
        "{% render 'x' %}",
        "{% # a\n b %}",
        "{% liquid if a %}{% endif %}",
        "{% liquid\n nope %}",
        "{% liquid\n endif %}",
        "{% break now %}",
        "{% if a %}{% liquid\n endif %}",
        "{% echo a b %}",
        "{% tablerow i in l nope:1 %}{% endtablerow %}",
    ] {
        let strict = template::Template::text_with(source, &model.names(), options);
        assert!(strict.is_err(), "{source}");
    }
}

#[test]
fn plain_text_forgives_only_what_liquid_in_ruby_forgives() {
    for source in [
        "{{ a",
        "{{ a }",
        "{% if a",
        "{% if %}{% endif %}",
        "{% if a %}",
        "{% if a %}{% endfor %}",
        "{% endif %}",
        "{% nope %}",
        "{% if a = b %}{% endif %}",
        "{% if a b %}{% endif %}",
        "{% if a && b %}{% endif %}",
        "{{ a b }}",
        "{{ a | }}",
        "{{ a | append 'b' }}",
        "{{ 'a }}",
        "{{ a[0 }}",
        "{{ (1..2 }}",
        "{% assign x %}",
        "{% for i %}{% endfor %}",
        "{% for i in l nope:1 %}{% endfor %}",
        "{% for i in l %}",
        "{% raw %}",
        "{% comment %}",
        "{% # a\n b %}",
        "{% liquid\n nope %}",
        "{% liquid\n endif %}",
    ] {
        assert!(PlainTemplate::compile(source, Limits::DEFAULT).is_err(), "{source}");
    }
}

#[test]
fn problems_say_where_and_what_to_write() {
    for (source, at, message, advice) in [
        ("a\n{% iff x %}", (2, 4), "there is no tag `iff`", "`if`"),
        ("{% if a = b %}{% endif %}", (1, 9), "`=` compares nothing", "`==`"),
        ("{{ a | upcsae }}", (1, 8), "no filter `upcsae`", "`upcase`"),
        ("{% for i in l %}\n{% endif %}", (2, 4), "`endif` cannot stand here", "endfor"),
        ("x {% for i in l %}", (1, 3), "`for` is never closed", "endfor"),
        ("{{ a && b }}", (1, 6), "`&` cannot stand here", "and"),
        ("{{ a.0 }}", (1, 6), "a number cannot follow a dot", "[0]"),
    ] {
        let problem = PlainTemplate::compile(source, Limits::DEFAULT).unwrap_err();
        assert_eq!((problem.line, problem.column), at, "{source}: {problem}");
        assert!(problem.message.contains(message) && problem.advice.contains(advice), "{source}: {problem}");
    }
}

#[test]
fn hostile_templates_end_early_with_a_reason() {
    let deep = |depth: usize| format!("{}{}", "{% if a %}".repeat(depth), "{% endif %}".repeat(depth));
    assert!(PlainTemplate::compile(&deep(50), Limits::DEFAULT).is_ok());
    for source in [
        deep(51),
        "{% if a %}".repeat(6_000),
        format!("{{{{ {} }}}}", "a[".repeat(20_000)),
        format!("{{{{ {} }}}}", "(".repeat(20_000)),
        format!("{{% if {}a %}}{{% endif %}}", "a or ".repeat(10_000)),
        format!("{{{{ {} }}}}", "9".repeat(20_000)),
        "{{a}}".repeat(11_000),
        "x".repeat(70_000),
        "{% liquid liquid ".to_owned() + &"liquid ".repeat(5_000) + "%}",
    ] {
        assert!(PlainTemplate::compile(&source, Limits::DEFAULT).is_err(), "{}", &source[..40]);
    }
    for source in [
        "{% for i in (1..100000000000) %}{% endfor %}",
        "{% for i in (1..1000) %}{% for j in (1..1000) %}{% endfor %}{% endfor %}",
        "{% assign s = 'xxxxxxxxxxxxxxxx' %}{% for i in (1..40) %}{% assign s = s | append: s %}{% endfor %}",
        "{% capture s %}x{% endcapture %}{% for i in (1..40) %}{% capture s %}{{ s }}{{ s }}{% endcapture %}{% endfor %}",
        "{% tablerow i in (1..100000000000) cols:0 %}{% endtablerow %}",
        "{% for i in (1..200) %}{% for j in (1..200) %}0123456789012345678901234567890123456789{% endfor %}{% endfor %}",
        "{{ 1 | divided_by: 0 }}",
    ] {
        let error = super::rendered(source, "{}").unwrap_err();
        assert!(error.starts_with("render: "), "{source}: {error}");
    }
}

#[test]
fn an_error_while_rendering_says_where() {
    let error = super::rendered("a\n b {{ 1 | plus: 2 | divided_by: 0 }}", "{}").unwrap_err();
    assert!(error.contains("line 2, column 21"), "{error}");
}
