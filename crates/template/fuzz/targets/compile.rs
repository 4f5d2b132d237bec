#![no_main]

#[expect(dead_code, reason = "the other target has the rest")]
#[path = "../src/checks.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::compile(data));
