//! Numbers and dates at their edges.

use serde_json::json;

use super::Ends::{Bounded, Stopped};
use super::{Attack, again, attack, renders, with};

pub(super) fn numbers() -> Vec<Attack> {
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

pub(super) fn dates() -> Vec<Attack> {
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
