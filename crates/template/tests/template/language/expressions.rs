use super::check;

#[test]
fn literals_are_printed_as_ruby_prints_them() {
    check(&[
        ("{{ 1 }}", "{}", "1"),
        ("{{ -7 }}", "{}", "-7"),
        ("{{ 1.0 }}", "{}", "1.0"),
        ("{{ 1.50 }}", "{}", "1.5"),
        ("{{ 'a' }}{{ \"b\" }}", "{}", "ab"),
        ("{{ 'say \"x\"' }}", "{}", "say \"x\""),
        ("{{ true }}{{ false }}", "{}", "truefalse"),
        ("[{{ nil }}{{ null }}]", "{}", "[]"),
        ("[{{ empty }}{{ blank }}]", "{}", "[]"),
        ("{{ (1..5) }}", "{}", "1..5"),
        ("{{ 123456789012345678901234567890 }}", "{}", "123456789012345678901234567890"),
        ("[{{ }}]", "{}", "[]"),
        ("{{ f }} {{ g }} {{ h }}", r#"{"f":1.0,"g":1e20,"h":0.00001}"#, "1.0 1.0e+20 1.0e-05"),
        ("{{ a }}", r#"{"a":[1,null,"x",[2,[true]]]}"#, "1x2true"),
        ("{{ a }}", r#"{"a":{"k":"v","n":null,"l":[1,"z"]}}"#, r#"{"k"=>"v", "n"=>nil, "l"=>[1, "z"]}"#),
    ]);
}

#[test]
fn paths_find_members_elements_and_sizes() {
    const CONTEXT: &str =
        r#"{"a":{"b":{"c":"x"},"size":9,"first name":"n"},"l":[10,20,30],"s":"häl","k":"b","i":1,"o":{"x":1}}"#;
    check(&[
        ("{{ a.b.c }}", CONTEXT, "x"),
        ("{{ a['b'].c }}{{ a[\"b\"]['c'] }}", CONTEXT, "xx"),
        ("{{ a[k].c }}", CONTEXT, "x"),
        ("{{ a['first name'] }}", CONTEXT, "n"),
        ("{{ l[0] }} {{ l[-1] }} {{ l[i] }}", CONTEXT, "10 30 20"),
        ("[{{ l[3] }}{{ l[-4] }}{{ l['0'] }}]", CONTEXT, "[]"),
        ("{{ l.first }} {{ l.last }} {{ l.size }}", CONTEXT, "10 30 3"),
        ("[{{ l['size'] }}{{ l['first'] }}]", CONTEXT, "[]"),
        ("{{ a.size }} {{ o.size }}", CONTEXT, "9 1"),
        ("{{ o.first }}", CONTEXT, "x1"),
        ("{{ s.size }}", CONTEXT, "3"),
        ("[{{ s[0] }}]", CONTEXT, "[]"),
        ("[{{ nope }}{{ nope.x.y }}{{ a.nope.y }}{{ l.nope }}{{ i.x }}]", CONTEXT, "[]"),
        ("{% assign n = 'i' %}{{ [n] }}[{{ [k] }}]", CONTEXT, "1[]"),
        ("{{ ['a'].b.c }}", CONTEXT, "x"),
        ("{% assign v = 'l' %}{{ [v][1] }}", CONTEXT, "20"),
        ("{{ a . b [ 'c' ] }}", CONTEXT, "x"),
        ("{% assign r = (2..7) %}{{ r.first }} {{ r.last }} {{ r.size }}", "{}", "2 7 6"),
        ("{{ a-b }}", r#"{"a-b":1}"#, "1"),
        ("{{ true.x }}", "{}", ""),
        ("{{ l[l.size] }}", CONTEXT, ""),
    ]);
}

#[test]
fn only_nil_and_false_are_false() {
    check(&[
        ("{% if nil %}a{% endif %}", "{}", ""),
        ("{% if false %}a{% endif %}", "{}", ""),
        ("{% if nope %}a{% else %}b{% endif %}", "{}", "b"),
        ("{% if 0 %}a{% endif %}", "{}", "a"),
        ("{% if '' %}a{% endif %}", "{}", "a"),
        ("{% if e %}a{% endif %}", r#"{"e":[]}"#, "a"),
        ("{% if empty %}a{% endif %}", "{}", "a"),
    ]);
}

#[test]
fn comparisons_follow_ruby() {
    let test = |condition: &str| format!("{{% if {condition} %}}y{{% else %}}n{{% endif %}}");
    for (condition, expected) in [
        ("1 == 1.0", "y"),
        ("1 == '1'", "n"),
        ("'a' == 'a'", "y"),
        ("1 != 2", "y"),
        ("1 <> 2", "y"),
        ("1 < 2", "y"),
        ("2 <= 2.0", "y"),
        ("3 > 2.5", "y"),
        ("'a' < 'b'", "y"),
        ("'Z' < 'a'", "y"),
        ("nil == nil", "y"),
        ("nope == nil", "y"),
        ("nil < 1", "n"),
        ("nil > 1", "n"),
        ("true == true", "y"),
        ("true > false", "n"),
        ("'' == empty", "y"),
        ("' ' == empty", "n"),
        ("' ' == blank", "y"),
        ("nil == empty", "n"),
        ("nil == blank", "y"),
        ("false == blank", "y"),
        ("0 == blank", "n"),
        ("list == empty", "n"),
        ("none == empty", "y"),
        ("none == blank", "y"),
        ("empty == none", "y"),
        ("obj == empty", "n"),
        ("none != empty", "n"),
        ("list contains 2", "y"),
        ("list contains '2'", "n"),
        ("'hello' contains 'ell'", "y"),
        ("'a1b' contains 1", "y"),
        ("'hello' contains nil", "n"),
        ("nil contains 'x'", "n"),
        ("obj contains 'k'", "y"),
        ("obj contains 'v'", "n"),
        ("list == list", "y"),
        ("(1..3) contains 2", "y"),
        ("(1..3) == (1..3)", "y"),
        ("1 contains 1", "n"),
        ("true or false and false", "y"),
        ("false and false or true", "n"),
        ("false or true", "y"),
        ("true and nil", "n"),
        ("1 == 1 and 2 == 2 or 3 == 4", "y"),
        ("9007199254740993 == 9007199254740992.0", "n"),
        ("big > 1", "y"),
    ] {
        let context = r#"{"list":[1,2],"none":[],"obj":{"k":"v"},"big":123456789012345678901234567890}"#;
        assert_eq!(super::rendered(&test(condition), context).as_deref(), Ok(expected), "{condition}");
    }
}

#[test]
fn a_number_and_a_text_have_no_order() {
    for condition in ["1 < '2'", "'a' >= 1", "x > 1"] {
        let template = format!("ab\n {{% if {condition} %}}{{% endif %}}");
        let error = super::rendered(&template, r#"{"x":"1"}"#).unwrap_err();
        assert!(error.contains("line 2, column") && error.contains("cannot be compared"), "{error}");
    }
}

#[test]
fn filters_are_applied_in_order_with_their_arguments() {
    check(&[
        ("{{ 'a' | upcase }}", "{}", "A"),
        ("{{ 'a' | append: 'b' | upcase }}", "{}", "AB"),
        ("{{ x | default: 'd' }}", "{}", "d"),
        ("{{ x | upcase | default: 'd' }}", "{}", "d"),
        ("{{ f | default: 1, allow_false: true }}", r#"{"f":false}"#, "false"),
        ("{{ 1 | plus: n }}", r#"{"n":2}"#, "3"),
        ("{{ 'a,b' | split: ',' | join: '-' }}", "{}", "a-b"),
        ("{{ 5 | divided_by: 2 }} {{ 5 | divided_by: 2.0 }}", "{}", "2 2.5"),
        ("{% assign l = 'b,a' | split: ',' | sort %}{{ l[0] }}", "{}", "a"),
        ("{{ (1..3) | join: '+' }}", "{}", "1+2+3"),
        ("{{ 'now' | date: '%Y-%m-%d' }}", "{}", "2024-03-01"),
    ]);
}
