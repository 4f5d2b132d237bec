//! What serde says of a value that does not fit, without the value: a secret may stand in the wrong place, and details of
//! refusals get into answers and logs.

/// As serde says it, without what was sent. A member that is not known is named if its name is a plain word.
pub(super) fn without_values(message: &str) -> String {
    if unknown_member(message).is_some_and(is_word) {
        return message.to_owned();
    }
    for kind in ["invalid type", "invalid value", "unknown variant", "unknown field", "duplicate field"] {
        let Some(rest) = message.strip_prefix(kind) else { continue };
        // `invalid type: string "..."` keeps the word `string`.
        let of = rest.split(['"', '`', ',']).next().unwrap_or_default().trim_end();
        // What is expected comes last, whatever was sent.
        let expected = rest.rsplit_once(", expected ").map(|(_, expected)| format!(", expected {expected}"));
        return format!("{kind}{of}{}", expected.unwrap_or_default());
    }
    match message.rsplit_once("` is not an id of the kind ") {
        Some((_, expected)) => format!("this is not an id of the kind {expected}"),
        None => message.to_owned(),
    }
}

/// The name in "unknown field `x`, expected one of ..".
pub(super) fn unknown_member(message: &str) -> Option<&str> {
    let rest = ["unknown field `", "duplicate field `"].iter().find_map(|begin| message.strip_prefix(begin))?;
    let (name, after) = rest.split_once('`')?;
    let ends = ["", ", expected", ", there are no fields"]
        .iter()
        .any(|end| after == *end || !end.is_empty() && after.starts_with(end));
    Some(if ends { name } else { rest })
}

/// Such as a misspelt member; keys, tokens and passwords that a machine made are none.
pub(super) fn is_word(name: &str) -> bool {
    (1..=32).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_is_left_out_and_what_is_expected_stays() {
        for (message, told) in [
            ("invalid type: string \"hunter, expected 2\", expected u16", "invalid type: string, expected u16"),
            ("invalid value: integer `77`, expected u8", "invalid value: integer, expected u8"),
            ("invalid type: floating point `1.5`, expected u8", "invalid type: floating point, expected u8"),
            ("invalid type: null, expected a string", "invalid type: null, expected a string"),
            ("unknown variant `Hunter2`, expected `a` or `b`", "unknown variant, expected `a` or `b`"),
            ("unknown field `Hunter2`, expected `a` or `b`", "unknown field, expected `a` or `b`"),
            ("unknown field `nmae`, expected `name`", "unknown field `nmae`, expected `name`"),
            ("missing field `name`", "missing field `name`"),
            (
                "`hunter2` is not an id of the kind `src`: expected ..",
                "this is not an id of the kind `src`: expected ..",
            ),
            ("1 to 100 characters are expected", "1 to 100 characters are expected"),
        ] {
            assert_eq!(without_values(message), told);
        }
    }
}
