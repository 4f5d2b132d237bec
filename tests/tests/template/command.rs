//! `rowcast template` as a program: its words, its exit codes, and what it takes.

#[path = "../../../crates/template/tests/template/attacks/list/mod.rs"]
mod attacks;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use attacks::Ends;
use serde_json::{Value, json};

fn rowcast(arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rowcast-under-test"));
    command.arg("template").args(arguments).current_dir(folder).output().unwrap()
}

fn said(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_template_is_checked_against_the_columns_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("columns.json", r#"{"id": "int", "email": "text", "tags": {"array": "text"}}"#);
    write("good.liquid", "{ \"id\": {{ row.id }},\n  \"mail\": \"{{ previous.email }}\" }");
    write("bad.liquid", "{ \"id\": {{ row.id }},\n  \"mail\": {{ row.emial }} }");
    write("text.liquid", "{{ row.id }}-{{ row.tags | join: '+' }}");
    let check = |arguments: &[&str]| said(&rowcast(&[&["check"], arguments].concat(), folder.path()));

    let (code, out, error) = check(&["good.liquid", "--columns", "columns.json"]);
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("columns of row:      id") && out.contains("columns of previous: email"), "{out}");
    let (code, _, error) = check(&["bad.liquid", "--columns", "columns.json"]);
    assert_eq!(code, 1);
    assert!(error.starts_with("bad.liquid:2:") && error.contains("`emial`") && error.contains("row.email"), "{error}");
    let (code, out, _) = check(&["bad.liquid", "--columns", "columns.json", "--json"]);
    let problem = &serde_json::from_str::<Value>(&out).unwrap()["problem"];
    assert_eq!((code, &problem["line"]), (1, &json!(2)), "{out}");
    let (code, out, _) = check(&["bad.liquid", "--json"]);
    assert_eq!((code, out.contains("emial")), (0, true), "without columns any may be named: {out}");
    assert_eq!(check(&["text.liquid", "--columns", "columns.json"]).0, 1, "it is no JSON");
    assert_eq!(check(&["text.liquid", "--columns", "columns.json", "--text"]).0, 0);
    let (code, _, error) = check(&["nothing.liquid"]);
    assert_eq!((code, error.contains("nothing.liquid")), (1, true), "{error}");
}

#[test]
fn a_template_is_rendered_with_the_context_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("message.liquid", r#"{ "op": {{ op }}, "n": {{ row.n }}, "s": "{{ row.s }}", "by": "{{ sync.name }}" }"#);
    write(
        "context.json",
        r#"{"row": {"n": 12345678901234567890.50, "s": "a\"b"}, "op": "changed", "sync": {"name": "x"}}"#,
    );
    write("plain.liquid", "Hello {{ name | default: 'you' }}{{ nothing.at.all }}!");
    write("name.json", r#"{"name": ""}"#);
    let render = |arguments: &[&str]| said(&rowcast(&[&["render"], arguments].concat(), folder.path()));

    let (code, out, error) = render(&["--template", "message.liquid", "--context", "context.json"]);
    assert_eq!(code, 0, "{error}");
    assert_eq!(out, "{ \"op\": \"changed\", \"n\": 12345678901234567890.50, \"s\": \"a\\\"b\", \"by\": \"x\" }\n");
    let (code, out, _) = render(&["--template", "plain.liquid", "--context", "name.json", "--text"]);
    assert_eq!((code, out.as_str()), (0, "Hello you!\n"));
    let (code, _, error) = render(&["--template", "message.liquid", "--context", "name.json"]);
    assert_eq!((code, error.contains("name")), (1, true), "{error}");
    let (code, _, error) = render(&["--template", "plain.liquid", "--context", "message.liquid", "--text"]);
    assert_eq!((code, error.contains("message.liquid")), (1, true), "{error}");
    assert_eq!(render(&["--template", "message.liquid"]).0, 2);
    assert_eq!(render(&["--batch", "--template", "message.liquid", "--context", "name.json"]).0, 2);
}

/// What rendering may add, in kilobytes: its 4 MiB, what the allocator keeps, and the values of the context.
const MEMORY: u64 = 24 << 10;

/// A process that is asked one case after another, and how much memory it ever had.
#[test]
fn a_batch_survives_every_attack_in_a_few_megabytes() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_rowcast-under-test"))
        .args(["template", "render", "--batch", "--text"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut ask = |case: &Value| -> Value {
        writeln!(input, "{case}").unwrap();
        serde_json::from_str(&output.next().unwrap().unwrap()).unwrap()
    };
    let hello = json!({ "template": "Hello {{ name }}", "context": { "name": "Ann" } });
    assert_eq!(ask(&hello), json!({ "output": "Hello Ann" }));
    // The longest contexts are read from a line, parsed and kept, which is not the template's doing.
    let longest = json!({ "template": "", "context": { "a": "x".repeat(4 << 20) } });
    assert_eq!(ask(&longest), json!({ "output": "" }));
    let before = most_memory(child.id());
    for attack in attacks::all() {
        let answer = ask(&json!({ "template": attack.template, "context": attack.context }));
        let ended = match (answer["output"].as_str(), &attack.ends) {
            (Some(output), Ends::Renders(expected)) => output == expected,
            (Some(_), ends) => *ends == Ends::Bounded,
            (None, ends) => !matches!(ends, Ends::Renders(_)),
        };
        assert!(ended, "{}: {}", attack.name, answer.to_string().chars().take(300).collect::<String>());
        assert_eq!(ask(&hello), json!({ "output": "Hello Ann" }), "after: {}", attack.name);
        let now = most_memory(child.id());
        assert!(now < before + MEMORY, "{}: {before} kB, then {now} kB", attack.name);
    }
    drop(input);
    assert!(child.wait().unwrap().success());
}

/// In kilobytes; nothing where the system does not tell.
fn most_memory(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}
