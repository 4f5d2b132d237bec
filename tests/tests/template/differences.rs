//! Where ours is meant to differ from python-liquid, and why.

use crate::engines::Answer;
use crate::generate::Case;

/// The reason for a difference, if one is known.
pub(crate) fn known(case: &Case, ours: &Answer, python: &Answer, liquidjs: &Answer) -> Option<&'static str> {
    if same_as_liquidjs(ours, liquidjs) {
        return Some("LiquidJS says the same, and python-liquid something else");
    }
    let fits = |known: &&Known| (known.fits)(case, ours, python);
    KNOWN.iter().find(fits).map(|known| known.reason)
}

struct Known {
    fits: fn(&Case, &Answer, &Answer) -> bool,
    reason: &'static str,
}

const KNOWN: &[Known] = &[
    Known {
        fits: |case, _, _| ["increment n", "decrement n"].iter().any(|tag| case.template.contains(tag)),
        reason: "as in Shopify's, counting begins at the value that the context has under the same name",
    },
    Known {
        fits: |case, ours, _| {
            case.template.contains("tablerow") && ours.text().replace('\n', "").contains("<tr class=\"row1\"></tr>")
        },
        reason: "as in Shopify's, a table of nothing has an empty row",
    },
    Known {
        fits: |case, ours, _| case.template.contains("tablerow") && ours.text().contains("<td"),
        reason: "as in Shopify's, a table keeps the white space of its body, and its limit of nothing",
    },
    Known {
        fits: |_, ours, python| {
            let objects = ["=>", "%3D%3E", "=&gt;", "PT4", "=&amp;gt;", "%253D"];
            objects.iter().any(|text| ours.text().contains(text)) || python.text().contains(": '")
        },
        reason: "objects as text are written as in Ruby",
    },
    Known {
        fits: |_, _, python| {
            let lists = ["['", "[\"", "[]", "[{", "[-", "%5B", "&#x27;", "('"];
            lists.iter().any(|text| python.text().contains(text))
                || python.text().contains('[')
                || python.text().contains("W1")
        },
        reason: "a list as text is its elements, one after the other, wherever that is",
    },
    Known {
        fits: |case, ours, python| case.template.contains("| date") && ours.is_output() && python.is_error(),
        reason: "as in Shopify's, what is no date stays as it is",
    },
    Known {
        fits: |_, ours, python| {
            ours.is_output() && python.error().is_some_and(|error| PYTHONS.iter().any(|own| error.contains(own)))
        },
        reason: "an accident of Python, where Shopify's goes on with nothing or zero",
    },
    Known {
        fits: |case, _, _| case.template.contains("truncatewords") || case.template.contains("truncate: -"),
        reason: "as in Shopify's, a text of no more words than are wanted is kept as it is, and no length is negative",
    },
    Known {
        fits: |case, _, _| case.template.contains("ifchanged"),
        reason: "as in Shopify's, a change of white space is a change",
    },
    Known {
        fits: |_, ours, _| ours.error().is_some_and(|error| STRICTER.iter().any(|own| error.contains(own))),
        reason: "as in Shopify's, an argument that does not fit is an error",
    },
    Known { fits: |case, _, _| case.template.contains("limit:0"), reason: "python-liquid takes a limit of 0 for none" },
    Known {
        fits: |case, _, _| {
            case.template.contains("offset:")
                && [" in a ", " in b ", "['name']", ".name"].iter().any(|text| case.template.contains(text))
        },
        reason: "as in Shopify's, a loop over a text ignores its offset and limit",
    },
    Known {
        fits: |case, ours, python| case.template.contains("base64_decode") && ours.is_error() && python.is_output(),
        reason: "as in Shopify's, white space is no base64",
    },
    Known {
        fits: |case, _, _| NUMBERS.iter().any(|filter| case.template.contains(filter)) && has_number_at_start(case),
        reason: "as in Shopify's, a text that begins with digits is that number",
    },
    Known {
        fits: |_, ours, python| {
            ours.is_output() && python.is_output() && shorter(ours.text()) == shorter(python.text())
        },
        reason: "as in Shopify's, division is exact and rounded once",
    },
    Known {
        fits: |_, ours, python| {
            ["True", "False", "None", "Tm9uZ"]
                .iter()
                .any(|word| python.text().contains(word) && !ours.text().contains(word))
        },
        reason: "true, false and nothing are written so in texts, too",
    },
];

/// Errors that no engine means.
const PYTHONS: [&str; 6] = [
    "InvalidOperation",
    "KeyError",
    "unhashable type",
    "is not subscriptable",
    "not supported between",
    "can't read property",
];

const STRICTER: [&str; 4] =
    ["`sort` cannot compare", "cannot select the property", "needs an integer as argument", "cannot be compared with"];

/// Without the last digits of long fractions.
fn shorter(text: &str) -> String {
    let mut digits = 0;
    let kept = text.chars().filter(|c| {
        digits = if c.is_ascii_digit() { digits + 1 } else { 0 };
        digits <= 12
    });
    kept.collect()
}

const NUMBERS: [&str; 12] =
    ["plus", "minus", "times", "divided_by", "modulo", "round", "floor", "ceil", "abs", "sum", "at_least", "at_most"];

/// Texts that Ruby reads up to the first character that belongs to no number.
fn has_number_at_start(case: &Case) -> bool {
    let texts = ["2024-02-29", "12abc", "1e3", "0x10"];
    // Or a number to which letters were appended.
    texts.iter().any(|text| case.line.contains(text)) || case.template.contains("| append")
}

/// LiquidJS has no numbers with a fraction of zero, and writes tables without ends of lines.
fn same_as_liquidjs(ours: &Answer, liquidjs: &Answer) -> bool {
    let plain = |text: &str| {
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(".0") {
            let (before, after) = (&rest[..at], &rest[at + 2..]);
            plain += before;
            if !before.ends_with(|c: char| c.is_ascii_digit()) || after.starts_with(|c: char| c.is_ascii_digit()) {
                plain += ".0";
            }
            rest = after;
        }
        (plain + rest).replace("<tr class=\"row1\">\n", "<tr class=\"row1\">").replace("</tr>\n", "</tr>")
    };
    ours.same(liquidjs) || ours.is_output() && liquidjs.is_output() && plain(ours.text()) == plain(liquidjs.text())
}
