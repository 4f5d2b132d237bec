use super::check;

#[test]
fn dashes_take_the_white_space_beside_them_and_nothing_else() {
    check(&[
        ("a {{ 1 }} b", "{}", "a 1 b"),
        ("a {{- 1 }} b", "{}", "a1 b"),
        ("a {{ 1 -}} b", "{}", "a 1b"),
        ("a \n\t {{- 1 -}} \r\n b", "{}", "a1b"),
        ("a {%- if true -%} b {%- endif -%} c", "{}", "abc"),
        ("a {% if true %} b {% endif %} c", "{}", "a  b  c"),
        ("  {%- assign x = 1 -%}  {{ x }}", "{}", "1"),
        ("a {%- comment -%} x {%- endcomment -%} b", "{}", "ab"),
        ("a {% comment %} x {% endcomment -%} b", "{}", "a b"),
        ("{{- 'x' -}}", "{}", "x"),
        ("{{-1}}", "{}", "1"),
        ("{{ -1 }}", "{}", "-1"),
        ("{{ 1 -}}{{- 2 }}", "{}", "12"),
        ("{{ 1 -}} \n {{ 2 }}", "{}", "12"),
        ("{%- raw -%} x {%- endraw -%} y", "{}", " x y"),
        ("a {%- # note -%} b", "{}", "ab"),
        ("{%- for i in (1..3) -%} {{ i }} {%- endfor -%}", "{}", "123"),
        ("{% for i in (1..2) %}\n{{ i }}\n{% endfor %}", "{}", "\n1\n\n2\n"),
        ("{% liquid\n  echo 1\n-%} x", "{}", "1x"),
        (" {%- liquid echo 1 %} x", "{}", "1 x"),
        ("{{ a -}}\u{a0}b", "{\"a\":1}", "1\u{a0}b"),
    ]);
}

#[test]
fn text_without_tags_stays_as_it_is() {
    check(&[
        ("", "{}", ""),
        (" \n ", "{}", " \n "),
        ("{ } {a} % %} }}", "{}", "{ } {a} % %} }}"),
        ("é 😀 {{ 'ü' }}", "{}", "é 😀 ü"),
        ("{\"a\": {{ 1 }}}", "{}", "{\"a\": 1}"),
    ]);
}
