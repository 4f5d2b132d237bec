//! Tells quickly that a text is JSON, for the JSON that rows mostly have. Of the rest it says nothing: strings with escapes,
//! numbers with exponents, and what is nested deep are left to the real parser.

use crate::output::{escapes_of_eight, until_escape};

/// Whether the text is one of JSON, and a plain one.
pub(super) fn is_valid(text: &[u8]) -> bool {
    all(text).is_some()
}

/// The length of the number at the beginning, if it has no exponent.
#[inline]
pub(super) fn number(text: &[u8]) -> Option<usize> {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let sign = usize::from(text.first() == Some(&b'-'));
    let text = text.get(sign..)?;
    let whole = digits(text);
    if whole == 0 || whole > 1 && text.first() == Some(&b'0') {
        return None;
    }
    match text.get(whole) {
        Some(b'.') => match digits(text.get(whole + 1..)?) {
            0 => None,
            fraction => Some(sign + whole + 1 + fraction),
        },
        _ => Some(sign + whole),
    }
}

/// None for what is not plain. Places in the text are numbers in local variables, which is quickest.
fn all(text: &[u8]) -> Option<()> {
    // A bit for each array (0) or object (1) that is open; the innermost is the lowest.
    let (mut objects, mut depth, mut at) = (0_u64, 0, 0);
    loop {
        at = space(text, at);
        let opened = match text.get(at)? {
            b'"' => {
                at = string(text, at + 1)?;
                None
            }
            b'-' | b'0'..=b'9' => {
                at += number(text.get(at..)?)?;
                None
            }
            b'{' => Some((1, b'}')),
            b'[' => Some((0, b']')),
            _ => {
                at = word(text, at)?;
                None
            }
        };
        if let Some((object, end)) = opened {
            at = space(text, at + 1);
            if text.get(at) == Some(&end) {
                at += 1;
            } else {
                if depth == u64::BITS {
                    return None;
                }
                depth += 1;
                objects = objects << 1 | object;
                if object == 1 {
                    at = key(text, at)?;
                }
                continue;
            }
        }
        // A value has ended, and maybe what was around it.
        loop {
            at = space(text, at);
            if depth == 0 {
                return (at == text.len()).then_some(());
            }
            let in_object = objects & 1 == 1;
            let byte = *text.get(at)?;
            at += 1;
            match byte {
                b',' if in_object => {
                    at = key(text, space(text, at))?;
                    break;
                }
                b',' => break,
                b'}' if in_object => {}
                b']' if !in_object => {}
                _ => return None,
            }
            depth -= 1;
            objects >>= 1;
        }
    }
}

#[inline]
fn key(text: &[u8], at: usize) -> Option<usize> {
    (text.get(at) == Some(&b'"')).then_some(())?;
    let at = space(text, string(text, at + 1)?);
    (text.get(at) == Some(&b':')).then_some(at + 1)
}

/// After its opening quote.
#[inline]
fn string(text: &[u8], mut at: usize) -> Option<usize> {
    let end = loop {
        let rest = text.get(at..)?;
        let Some(eight) = rest.first_chunk::<8>() else { break at + until_escape(rest) };
        let found = escapes_of_eight(*eight);
        if found != 0 {
            break at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    };
    (text.get(end) == Some(&b'"')).then_some(end + 1)
}

fn word(text: &[u8], at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    let word = ["true", "false", "null"].into_iter().find(|word| rest.starts_with(word.as_bytes()))?;
    Some(at + word.len())
}

#[inline]
fn space(text: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\r' | b'\n') = text.get(at) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn really(text: &str) -> bool {
        serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok()
    }

    #[test]
    fn plain_json_is_known_and_nothing_else() {
        for text in [
            "1",
            "-0",
            "0.50",
            "true",
            " null ",
            "\"\"",
            "\"ab é\"",
            "[]",
            "{}",
            "[1, [2,[]], {\"a\":{} }]",
            "{\"plan\":\"pro\",\"seats\":7, \"x\" : [ false , -12.5 ]}",
        ] {
            assert!(is_valid(text.as_bytes()) && really(text), "{text}");
        }
        for text in [
            "",
            "-",
            "01",
            "1.",
            ".5",
            "+1",
            "tru",
            "nulls",
            "1 2",
            "\"a",
            "\"\n\"",
            "[1,]",
            "[,1]",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "[1}",
            "{\"a\":1]",
            "]",
            "[",
            "[1",
            "{\"a\" 1}",
            "[1 2]",
            "NaN",
            "\u{a0}1",
        ] {
            assert!(!is_valid(text.as_bytes()) && !really(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_it_takes_is_json(text in "[\\[\\]{}:, \"ab0-1.tfrueln]{0,16}") {
            prop_assert!(!is_valid(text.as_bytes()) || really(&text));
        }

        #[test]
        fn a_number_is_one(text in "-?[0-9.]{0,6}e?") {
            prop_assert!(number(text.as_bytes()) != Some(text.len()) || really(&text));
        }
    }
}
