//! Looks for inputs that the template engine does not expect.

use std::path::PathBuf;
use std::process::Command;

use crate::Failure;
use crate::shell::{Shell, say};

const TARGETS: [&str; 2] = ["compile", "render"];
const DEFAULT_SECONDS: u64 = 60;
/// For each process, in megabytes. The engine itself takes a few.
const MEMORY: u32 = 512;
/// What `cargo fuzz` asks of the compiler, without a sanitizer: our code has no `unsafe`, so panics, memory and time are
/// what there is to find. Stable Rust has all of these.
const INSTRUMENTED: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1";

#[derive(Debug, PartialEq, Eq)]
struct Options {
    targets: Vec<&'static str>,
    /// For each target.
    seconds: u64,
}

/// Inputs that break something stay in `target/fuzz/artifacts`; the corpus in the repository is read and never written.
pub(crate) fn run(shell: &Shell, arguments: &[String]) -> Result<(), Failure> {
    let options = options(arguments)?;
    let package = shell.root().join("crates/template/fuzz");
    let place = shell.root().join("target/fuzz");
    let triple = host(shell)?;
    let mut build = shell.cargo(&["build", "--release", "--bins", "--target", &triple]);
    build.arg("--manifest-path").arg(package.join("Cargo.toml")).arg("--target-dir").arg(&place);
    // By this variable build scripts are left as they are.
    build.env("RUSTFLAGS", INSTRUMENTED);
    shell.step("build the fuzz targets", build)?;
    for target in options.targets {
        let found = folder(place.join("corpus").join(target))?;
        let artifacts = folder(place.join("artifacts").join(target))?;
        let mut fuzz = Command::new(place.join(&triple).join("release").join(target));
        fuzz.arg(found).arg(package.join("corpus").join(target)).args([
            format!("-artifact_prefix={}/", artifacts.display()),
            format!("-dict={}", package.join("liquid.dict").display()),
            format!("-max_total_time={}", options.seconds),
            format!("-rss_limit_mb={MEMORY}"),
            "-timeout=10".to_owned(),
            "-max_len=8192".to_owned(),
            "-print_final_stats=1".to_owned(),
        ]);
        shell.step(&format!("fuzz {target}"), fuzz)?;
    }
    say(&format!("nothing found; what was learned is in {}", place.join("corpus").display()));
    Ok(())
}

fn options(arguments: &[String]) -> Result<Options, Failure> {
    let wrong = || Failure::Usage { given: format!("fuzz {}", arguments.join(" ")) };
    let mut options = Options { targets: Vec::new(), seconds: DEFAULT_SECONDS };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if argument == "--seconds" {
            options.seconds = rest.next().and_then(|text| text.parse().ok()).filter(|n| *n > 0).ok_or_else(wrong)?;
        } else {
            options.targets.push(TARGETS.into_iter().find(|target| target == argument).ok_or_else(wrong)?);
        }
    }
    if options.targets.is_empty() {
        options.targets = TARGETS.to_vec();
    }
    Ok(options)
}

/// As the compiler calls this machine.
fn host(shell: &Shell) -> Result<String, Failure> {
    let mut command = shell.command("rustc", &["--print", "host-tuple"]);
    let output =
        command.output().map_err(|source| Failure::Run { command: "rustc --print host-tuple".to_owned(), source })?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn folder(path: PathBuf) -> Result<PathBuf, Failure> {
    match std::fs::create_dir_all(&path) {
        Ok(()) => Ok(path),
        Err(source) => Err(Failure::File { action: "make the folder", path, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_others_refused() {
        let read = |text: &str| options(&text.split_whitespace().map(ToOwned::to_owned).collect::<Vec<_>>());
        assert_eq!(read("").unwrap(), Options { targets: TARGETS.to_vec(), seconds: DEFAULT_SECONDS });
        assert_eq!(read("render --seconds 5").unwrap(), Options { targets: vec!["render"], seconds: 5 });
        for wrong in ["parse", "--seconds", "--seconds 0", "render --fast"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
