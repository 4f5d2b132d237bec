use super::check;

#[test]
fn if_unless_and_case_choose() {
    check(&[
        ("{% if a %}1{% elsif b %}2{% else %}3{% endif %}", r#"{"b":1}"#, "2"),
        ("{% if a %}1{% elsif b %}2{% else %}3{% endif %}", "{}", "3"),
        ("{% if false %}a{% else %}b{% else %}c{% endif %}", "{}", "b"),
        ("{% if false %}a{% else %}b{% elsif true %}c{% endif %}", "{}", "b"),
        ("{% unless a %}1{% endunless %}", "{}", "1"),
        ("{% unless true %}1{% else %}2{% endunless %}", "{}", "2"),
        ("{% unless true %}1{% elsif true %}2{% endunless %}", "{}", "2"),
        ("{% if a %}{% if b %}x{% endif %}y{% endif %}", r#"{"a":1}"#, "y"),
        ("{% case x %}{% when 1 %}a{% when 2 %}b{% else %}c{% endcase %}", r#"{"x":2}"#, "b"),
        ("{% case x %}{% when 1, 2 %}a{% when 3 or 4 %}b{% endcase %}", r#"{"x":4}"#, "b"),
        ("{% case x %} text {% when 1 %}a{% endcase %}", r#"{"x":1}"#, "a"),
        ("{% case x %}{% when 1 %}a{% else %}c{% endcase %}", r#"{"x":9}"#, "c"),
        ("{% case x %}{% when 1 %}a{% when 1 %}b{% else %}c{% endcase %}", r#"{"x":1}"#, "ab"),
        ("{% case x %}{% when 1, 1 %}a{% endcase %}", r#"{"x":1}"#, "aa"),
        ("{% case x %}{% else %}c{% when 1 %}a{% endcase %}", r#"{"x":1}"#, "ca"),
        ("{% case x %}{% when 'a' %}1{% endcase %}", r#"{"x":"a"}"#, "1"),
        ("{% case x %}{% when nil %}1{% endcase %}", "{}", "1"),
        ("{% case x %}{% when empty %}1{% endcase %}", r#"{"x":""}"#, "1"),
        ("{% case x %}{% endcase %}", "{}", ""),
    ]);
}

#[test]
fn for_goes_through_arrays_ranges_objects_and_texts() {
    const L: &str = r#"{"l":[1,2,3,4,5,6],"o":{"a":1,"b":2},"n":2,"e":[],"s":"abc"}"#;
    check(&[
        ("{% for i in l %}{{ i }}{% endfor %}", L, "123456"),
        ("{% for i in (1..n) %}{{ i }}{% endfor %}", L, "12"),
        ("{% for i in (3..1) %}{{ i }}{% else %}none{% endfor %}", L, "none"),
        ("{% for p in o %}{{ p[0] }}={{ p[1] }};{% endfor %}", L, "a=1;b=2;"),
        ("{% for c in s %}[{{ c }}]{% endfor %}", L, "[abc]"),
        ("{% for c in '' %}x{% else %}none{% endfor %}", L, "none"),
        ("{% for i in e %}x{% else %}none{% endfor %}", L, "none"),
        ("{% for i in nope %}x{% else %}none{% endfor %}", L, "none"),
        ("{% for i in 5 %}x{% else %}none{% endfor %}", L, "none"),
        ("{% for i in l limit:2 %}{{ i }}{% endfor %}", L, "12"),
        ("{% for i in l limit: n, offset: 3 %}{{ i }}{% endfor %}", L, "45"),
        ("{% for i in l offset:4 %}{{ i }}{% endfor %}", L, "56"),
        ("{% for i in l offset:9 %}x{% else %}none{% endfor %}", L, "none"),
        ("{% for i in l limit:0 %}x{% else %}none{% endfor %}", L, "none"),
        ("{% for i in l limit: nil %}{{ i }}{% endfor %}", L, "123456"),
        ("{% for i in l limit:'2' %}{{ i }}{% endfor %}", L, "12"),
        ("{% for i in l reversed %}{{ i }}{% endfor %}", L, "654321"),
        ("{% for i in l reversed limit:2 offset:1 %}{{ i }}{% endfor %}", L, "32"),
        (
            "{% for i in l limit:2 %}{{ i }}{% endfor %}-{% for i in l limit:2 offset:continue %}{{ i }}{% endfor %}-{% for i in l offset:continue %}{{ i }}{% endfor %}",
            L,
            "12-34-56",
        ),
        ("{% for i in l limit:2 %}{% endfor %}{% for j in l offset:continue %}{{ j }}{% endfor %}", L, "123456"),
        ("{% for i in (1..4) limit:2 %}{% endfor %}{% for i in (1..4) offset:continue %}{{ i }}{% endfor %}", L, "34"),
        ("{% for i in l %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}", L, "12"),
        ("{% for i in l %}{% if i == 3 %}{% continue %}{% endif %}{{ i }}{% endfor %}", L, "12456"),
        (
            "{% for i in (1..2) %}{% for j in (1..3) %}{% if j == 2 %}{% break %}{% endif %}{{ i }}{{ j }} {% endfor %}{% endfor %}",
            L,
            "11 21 ",
        ),
        ("a{% break %}b", L, "a"),
        ("{% for i in (1..1000000000000) limit:2 %}{{ i }}{% endfor %}", L, "12"),
        ("{% for i in ('2'..'4') %}{{ i }}{% endfor %}", L, "234"),
        ("{% for i in (nope..2) %}{{ i }}{% endfor %}", L, "012"),
        ("{% for i in (1.9..3.2) %}{{ i }}{% endfor %}", L, "123"),
    ]);
}

#[test]
fn a_loop_knows_where_it_is() {
    check(&[
        (
            "{% for i in (1..3) %}{{ forloop.index }}{{ forloop.index0 }}{{ forloop.rindex }}{{ forloop.rindex0 }} {% endfor %}",
            "{}",
            "1032 2121 3210 ",
        ),
        (
            "{% for i in (1..3) %}{{ forloop.first }}{{ forloop.last }} {% endfor %}",
            "{}",
            "truefalse falsefalse falsetrue ",
        ),
        ("{% for i in (1..3) %}{{ forloop.length }}{% endfor %}", "{}", "333"),
        ("{% for i in a.b %}{{ forloop.name }}{% endfor %}", r#"{"a":{"b":[1]}}"#, "i-a.b"),
        (
            "{% for i in (1..2) %}{% for j in (1..2) %}{{ forloop.parentloop.index }}{{ forloop.index }} {% endfor %}{% endfor %}",
            "{}",
            "11 12 21 22 ",
        ),
        ("{% for i in (1..1) %}[{{ forloop.parentloop }}{{ forloop.nope }}]{% endfor %}", "{}", "[]"),
        ("{% for i in (1..1) %}{{ forloop }}{% endfor %}", "{}", "Liquid::ForloopDrop"),
        ("[{{ forloop.index }}]", "{}", "[]"),
        ("{% for i in (1..1) %}{{ forloop['index'] }}{% endfor %}", "{}", "1"),
    ]);
}

#[test]
fn cycles_counters_and_changes_are_remembered() {
    check(&[
        ("{% for i in (1..4) %}{% cycle 'a', 'b', 'c' %}{% endfor %}", "{}", "abca"),
        ("{% cycle 'a', 'b' %}{% cycle 'a', 'b' %}{% cycle 'a', 'c' %}", "{}", "aba"),
        ("{% cycle x: 'a', 'b' %}{% cycle y: 'a', 'b' %}{% cycle x: 'a', 'b' %}", r#"{"x":1,"y":2}"#, "aab"),
        ("{% cycle 'g': 1, 2, 3 %}{% cycle 'g': 'x', 'y' %}{% cycle 'g': 'x' %}{% cycle 'g': 'x' %}", "{}", "1yxx"),
        ("{% cycle 'g': 1, 2, 3 %}{% cycle 'g': 1, 2, 3 %}[{% cycle 'g': 'x' %}]{% cycle 'g': 'x' %}", "{}", "12[]x"),
        ("{% cycle a, b %}{% cycle a, b %}", r#"{"a":1,"b":2}"#, "11"),
        ("{% increment x %}{% increment x %}{{ x }}", "{}", "012"),
        ("{% decrement x %}{% decrement x %}{{ x }}", "{}", "-1-2-2"),
        ("{% increment x %}{% decrement x %}{% increment x %}", "{}", "000"),
        ("{% assign x = 'v' %}{% increment x %}{{ x }}", "{}", "0v"),
        ("{% increment x %}{{ x }}", r#"{"x":5}"#, "56"),
        ("{% for i in l %}{% ifchanged %}{{ i }}{% endifchanged %}{% endfor %}", r#"{"l":[1,1,2,2,1]}"#, "121"),
    ]);
}

#[test]
fn assign_capture_echo_and_liquid() {
    check(&[
        ("{% assign x = 1 %}{{ x }}", "{}", "1"),
        ("{% assign x = l[1] | plus: 1 %}{{ x }}", r#"{"l":[1,2]}"#, "3"),
        ("{% assign x-y = 1 %}{{ x-y }}", "{}", "1"),
        ("{%assign x=1%}{{x}}", "{}", "1"),
        ("{% capture x %}a{{ 1 }}{% endcapture %}[{{ x }}]", "{}", "[a1]"),
        ("{% capture 'x' %}a{% endcapture %}{{ x | upcase }}", "{}", "A"),
        ("{% capture x %}{% for i in (1..3) %}{{ i }}{% endfor %}{% endcapture %}{{ x.size }}", "{}", "3"),
        ("{% echo 'a' | upcase %}", "{}", "A"),
        ("{% liquid\n assign x = 1\n if x == 1\n echo 'y'\n else\n echo 'n'\n endif\n%}", "{}", "y"),
        ("{% liquid\n\n # note\n for i in (1..3)\n  echo i\n endfor %}", "{}", "123"),
        ("{% liquid\n comment\n any thing { at all\n endcomment\n echo 1 %}", "{}", "1"),
        ("{% liquid assign x = 2 %}{{ x }}", "{}", "2"),
        ("{% liquid\n liquid echo 1\n echo 2 %}", "{}", "12"),
        ("{% liquid %}", "{}", ""),
    ]);
}

#[test]
fn raw_comments_and_notes() {
    check(&[
        ("{% raw %}{{ x }} {% if %}{% endraw %}", "{}", "{{ x }} {% if %}"),
        ("{% raw %}{% endraw %}", "{}", ""),
        ("{% raw %}{{ {% endraw %}{{ 1 }}", "{}", "{{ 1"),
        ("a{% comment %}{{ x {% if %}{% endcomment %}b", "{}", "ab"),
        ("{% comment %}{% comment %}x{% endcomment %}y{% endcomment %}z", "{}", "z"),
        ("{% comment %}{% raw %}{% endcomment %}{% endraw %}{% endcomment %}z", "{}", "z"),
        ("{% comment any words %}x{% endcomment %}", "{}", ""),
        ("{% # note %}x", "{}", "x"),
        ("{%# note%}x", "{}", "x"),
        ("{% #\n # a\n # b\n %}x", "{}", "x"),
        ("{% doc %}{{ x {% if %}{% enddoc %}y", "{}", "y"),
    ]);
}

#[test]
fn tablerow_makes_rows_and_cells() {
    check(&[
        (
            "{% tablerow i in (1..3) cols:2 %}{{ i }}{% endtablerow %}",
            "{}",
            "<tr class=\"row1\">\n<td class=\"col1\">1</td><td class=\"col2\">2</td></tr>\n<tr class=\"row2\"><td class=\"col1\">3</td></tr>\n",
        ),
        (
            "{% tablerow i in l limit:1 offset:1 %}{{ tablerowloop.col }}{{ tablerowloop.row }}{{ i }}{% endtablerow %}",
            r#"{"l":["a","b","c"]}"#,
            "<tr class=\"row1\">\n<td class=\"col1\">11b</td></tr>\n",
        ),
        ("{% tablerow i in nope %}x{% endtablerow %}", "{}", ""),
        ("{% tablerow i in l %}x{% endtablerow %}", r#"{"l":[]}"#, "<tr class=\"row1\">\n</tr>\n"),
        (
            "{% tablerow i in (1..2) cols:0 %}{{ tablerowloop.col_last }}{% endtablerow %}",
            "{}",
            "<tr class=\"row1\">\n<td class=\"col1\">false</td><td class=\"col2\">false</td></tr>\n",
        ),
    ]);
}
