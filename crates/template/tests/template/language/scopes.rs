use super::check;

#[test]
fn names_are_looked_up_in_loops_then_assignments_then_data() {
    check(&[
        ("{% for x in (1..2) %}{{ x }}{% endfor %}{{ x }}", r#"{"x":"d"}"#, "12d"),
        ("{% assign x = 'a' %}{% for x in (1..2) %}{{ x }}{% endfor %}{{ x }}", "{}", "12a"),
        ("{% for i in (1..2) %}{% assign i = 'a' %}{{ i }}{% endfor %}{{ i }}", "{}", "12a"),
        ("{% for i in (1..2) %}{% assign y = i %}{% endfor %}{{ y }}", "{}", "2"),
        ("{{ x }}{% assign x = 2 %}{{ x }}", r#"{"x":1}"#, "12"),
        ("{% assign x = nil %}[{{ x }}]", r#"{"x":1}"#, "[]"),
        ("{% if true %}{% assign z = 1 %}{% endif %}{{ z }}", "{}", "1"),
        ("{% assign a = b %}{% assign b = 2 %}[{{ a }}]", "{}", "[]"),
        ("{% for i in (1..2) %}{% for i in (5..6) %}{{ i }}{% endfor %}{{ i }}{% endfor %}", "{}", "561562"),
        ("{% for i in (1..2) %}{{ q }}{% assign q = i %}{% endfor %}", "{}", "1"),
        ("{% for i in (1..1) %}{{ ['i'] }}{% endfor %}", "{}", "1"),
        ("{% capture c %}{% assign z = 3 %}{% endcapture %}{{ z }}", "{}", "3"),
    ]);
}

#[test]
fn a_loop_goes_through_the_values_that_were_there_when_it_began() {
    check(&[(
        "{% assign l = 'a,b' | split: ',' %}{% for i in l %}{% assign l = nil %}{{ i }}{% endfor %}[{{ l }}]",
        "{}",
        "ab[]",
    )]);
}
