//! Each preset against its own columns: the bytes of its messages, and the page that shows them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests fail as tests do")]

mod golden;
mod page;
mod rows;

use engine::preset::{self, Preset, PresetMessage};

/// Every preset with each of its messages.
fn each(mut check: impl FnMut(&Preset, &PresetMessage)) {
    for preset in preset::all().unwrap() {
        for message in preset.messages() {
            check(&preset, &message);
        }
    }
}

/// The id and the options that are on.
fn name(preset: &Preset, message: &PresetMessage) -> String {
    [std::slice::from_ref(&preset.id), &message.options].concat().join("+")
}

/// Whether files are to be written as they should be.
#[expect(clippy::disallowed_methods, reason = "whoever runs the tests says what they do")]
fn rewrites() -> bool {
    std::env::var_os("ROWCAST_REWRITE").is_some_and(|value| value == "1")
}

/// Compares a file with what it should be, or writes it.
fn compare(path: &str, is: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if rewrites() {
        std::fs::write(&path, is).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = kept.lines().zip(is.lines()).position(|(kept, is)| kept != is);
    assert!(
        kept == is,
        "{} says something else, first in line {differs:?} from 0; it should be\n{is}\nROWCAST_REWRITE=1 writes it; read the difference then.",
        path.display()
    );
}
