//! Cases on lines, answers on lines. Whatever a line holds, it gets its answer, and the next one is read.

use std::io::{BufRead, ErrorKind, Read, Write};

use serde::Deserialize;
use serde_json::{Value, json};

use super::message::{self, Language};

/// A longer line is answered with an error, and not kept.
const LONGEST: u64 = 16 << 20;

#[derive(Deserialize)]
struct Case {
    template: String,
    #[serde(default)]
    context: Value,
}

pub(super) fn run(language: Language, now: i64, mut input: impl BufRead, mut output: impl Write) -> crate::Result<()> {
    let mut line = Vec::new();
    while let Some(whole) = next(&mut input, &mut line)? {
        let answer = if whole { answer(language, now, &line) } else { Err(too_long()) };
        let answer = match answer {
            Ok(output) => json!({ "output": output }),
            Err(error) => json!({ "error": error }),
        };
        match writeln!(output, "{answer}").and_then(|()| output.flush()) {
            // Whoever asked has left.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            written => written?,
        }
    }
    Ok(())
}

fn answer(language: Language, now: i64, line: &[u8]) -> Result<String, String> {
    let case: Case = serde_json::from_slice(line)
        .map_err(|error| format!("the line is no case {{\"template\": \"...\", \"context\": {{...}}}}: {error}"))?;
    message::render(language, &case.template, &case.context, now)
}

/// The next line without its end, and whether it is whole. None at the end of the input.
fn next(input: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<Option<bool>> {
    line.clear();
    if input.by_ref().take(LONGEST).read_until(b'\n', line)? == 0 {
        return Ok(None);
    }
    let whole = line.pop_if(|last| *last == b'\n').is_some() || (line.len() as u64) < LONGEST;
    if !whole {
        line.clear();
        input.skip_until(b'\n')?;
    }
    Ok(Some(whole))
}

fn too_long() -> String {
    format!("the line is longer than {LONGEST} bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(language: Language, input: &[u8]) -> Vec<Value> {
        let mut output = Vec::new();
        run(language, 0, input, &mut output).unwrap();
        let text = String::from_utf8(output).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn every_line_has_its_answer_and_none_ends_the_batch() {
        let good = br#"{"template": "Hi {{ name }}\n", "context": {"name": "Ann"}}"#;
        let bad: [&[u8]; 9] = [
            b"",
            b"{",
            b"[]",
            b"\xff\xfe",
            br#"{"context": {}}"#,
            br#"{"template": 7}"#,
            br#"{"template": "{{", "context": {}}"#,
            br#"{"template": "{{ 1 | nothing }}", "context": {}}"#,
            br#"{"template": "", "context": 7}"#,
        ];
        let mut input = Vec::new();
        for line in bad {
            input.extend_from_slice(line);
            input.extend_from_slice(b"\n");
            input.extend_from_slice(good);
            input.extend_from_slice(b"\r\n");
        }
        // Without an end of line.
        input.extend_from_slice(good);
        let answers = answers(Language::Text, &input);
        assert_eq!(answers.len(), 2 * bad.len() + 1);
        for (at, answer) in answers.iter().enumerate() {
            if at < 2 * bad.len() && at % 2 == 0 {
                assert!(answer["error"].is_string(), "{at}: {answer}");
            } else {
                assert_eq!(*answer, json!({ "output": "Hi Ann\n" }), "{at}");
            }
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped_whole() {
        let mut input = vec![b'x'; (LONGEST as usize) * 2 + 3];
        input.extend_from_slice(b"\n{\"template\": \"a\", \"context\": {}}\n");
        let answers = answers(Language::Text, &input);
        assert_eq!(answers.len(), 2);
        assert!(answers[0]["error"].as_str().unwrap().contains("longer than"));
        assert_eq!(answers[1], json!({ "output": "a" }));
    }

    #[test]
    fn a_message_is_rendered_with_the_row_of_its_context() {
        let input = br#"{"template": "{ \"id\": {{ row.id }}, \"n\": {{ row.n }}, \"t\": \"{{ row.t }}\" }", "context": {"row": {"id": 7, "n": 1.50, "t": "a\"b"}}}"#;
        let element = br#"{"template": "[{{ element }}, {{ element.a }}]", "context": {"element": {"a": 1.50}}}"#;
        assert_eq!(answers(Language::Json, element), [json!({ "output": "[{\"a\":1.50}, 1.50]" })]);
        assert_eq!(answers(Language::Json, input), [json!({ "output": r#"{ "id": 7, "n": 1.50, "t": "a\"b" }"# })]);
    }
}
