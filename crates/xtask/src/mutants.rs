use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::Failure;
use crate::mutant_list::{self, Mutant};
use crate::prepare::Migrated;
use crate::setup;
use crate::shell::{Shell, say, seconds};

/// What became of a mutant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Caught,
    /// The test did not end in time, which a person would notice as well.
    CaughtByTime,
    Missed,
}

/// How a test ended.
enum Ended {
    With(ExitStatus, String),
    TooLate,
}

/// Breaks a copy of the repository in one place after the other, and expects the named test to fail each time.
pub(crate) fn run(shell: &Shell, name: Option<&str>) -> Result<(), Failure> {
    let all = mutant_list::read(&shell.root().join(".config/mutants.toml"))?;
    let chosen: Vec<Mutant> = all.into_iter().filter(|mutant| name.is_none_or(|name| mutant.name == name)).collect();
    if chosen.is_empty() {
        return match name {
            Some(name) => {
                Err(Failure::Mutant { name: name.to_owned(), problem: "is not in .config/mutants.toml".to_owned() })
            }
            None => {
                say("no mutants are listed in .config/mutants.toml");
                Ok(())
            }
        };
    }
    let postgres = setup::run(shell)?;
    let workshop = Workshop::open(shell, postgres.folder)?;
    workshop.check_that_unchanged_code_passes(&chosen)?;
    let mut table = String::from("\n==> mutants\n");
    let mut missed = 0;
    for mutant in &chosen {
        let started = Instant::now();
        let verdict = workshop.examine(mutant)?;
        let text = match verdict {
            Verdict::Caught => "caught",
            Verdict::CaughtByTime => "caught (no end)",
            Verdict::Missed => "MISSED",
        };
        missed += usize::from(verdict == Verdict::Missed);
        say(&format!("    {}: {text}", mutant.name));
        table.push_str(&format!("{text:<16} {:>8}  {}\n", seconds(started.elapsed()), mutant.name));
    }
    say(&table);
    if missed > 0 {
        return Err(Failure::Missed { missed, all: chosen.len() });
    }
    Ok(())
}

/// A copy of the repository with a build folder of its own, so that dependencies are built once.
struct Workshop<'a> {
    shell: &'a Shell,
    tree: PathBuf,
    target: PathBuf,
    postgres: PathBuf,
    /// Statements with a mistake are not in `.sqlx`, so they are checked against a database.
    database: Migrated,
}

impl<'a> Workshop<'a> {
    fn open(shell: &'a Shell, postgres: PathBuf) -> Result<Self, Failure> {
        let folder = shell.root().join("target/mutants");
        let tree = folder.join("tree");
        copy_tree(shell, &tree)?;
        let database = Migrated::start(shell, "mutants")?;
        Ok(Self { shell, tree, target: folder.join("target"), postgres, database })
    }

    /// Each test passes as long as nothing is broken, or its failing would say nothing.
    fn check_that_unchanged_code_passes(&self, mutants: &[Mutant]) -> Result<(), Failure> {
        let mut seen = BTreeSet::new();
        for mutant in mutants.iter().filter(|mutant| seen.insert(&mutant.test)) {
            say(&format!("\n==> without a mutant: {}", mutant.test));
            let problem = match (self.build(mutant)?, self.test(mutant)?) {
                (Err(output), _) => format!("the unchanged code does not compile:\n{output}"),
                (_, Ended::With(status, output)) if status.success() && ran_a_test(&output) => continue,
                (_, Ended::With(status, _)) if status.success() => "its test command runs no test".to_owned(),
                (_, Ended::With(_, output)) => format!("its test fails without the mutant:\n{output}"),
                (_, Ended::TooLate) => format!("its test takes longer than {} s without the mutant", mutant.seconds),
            };
            return Err(Failure::Mutant { name: mutant.name.clone(), problem });
        }
        Ok(())
    }

    fn examine(&self, mutant: &Mutant) -> Result<Verdict, Failure> {
        let path = self.tree.join(&mutant.file);
        let original = fs::read_to_string(&path).map_err(file("read", &path))?;
        say(&format!("\n==> mutant {}: {}", mutant.name, mutant.test));
        fs::write(&path, mutant.apply(&original)?).map_err(file("write", &path))?;
        let verdict = self.verdict(mutant);
        fs::write(&path, original).map_err(file("restore", &path))?;
        verdict
    }

    fn verdict(&self, mutant: &Mutant) -> Result<Verdict, Failure> {
        if let Err(output) = self.build(mutant)? {
            let problem = format!("it does not compile, so it shows nothing:\n{output}");
            return Err(Failure::Mutant { name: mutant.name.clone(), problem });
        }
        Ok(match self.test(mutant)? {
            Ended::With(status, _) if status.success() => Verdict::Missed,
            Ended::With(..) => Verdict::Caught,
            Ended::TooLate => Verdict::CaughtByTime,
        })
    }

    /// Compiles the test; the inner error is what the compiler said.
    fn build(&self, mutant: &Mutant) -> Result<Result<(), String>, Failure> {
        let arguments = mutant.arguments()?;
        let own: Vec<&str> = arguments.into_iter().take_while(|argument| *argument != "--").collect();
        let mut command = self.cargo(&own);
        command.args(["--no-run", "--quiet"]).env("DATABASE_URL", self.database.url()).env("SQLX_OFFLINE", "false");
        match run_with_limit(command, Duration::from_secs(3600))? {
            Ended::With(status, _) if status.success() => Ok(Ok(())),
            Ended::With(_, output) => Ok(Err(output)),
            Ended::TooLate => Ok(Err("compiling took longer than an hour".to_owned())),
        }
    }

    fn test(&self, mutant: &Mutant) -> Result<Ended, Failure> {
        let mut command = self.cargo(&mutant.arguments()?);
        command.env("PG_BIN", &self.postgres);
        run_with_limit(command, Duration::from_secs(mutant.seconds))
    }

    fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = self.shell.cargo(arguments);
        command.current_dir(&self.tree).env("CARGO_TARGET_DIR", &self.target);
        command
    }
}

/// Runs a command in a process group of its own, which is ended whole when the time is over.
fn run_with_limit(mut command: Command, limit: Duration) -> Result<Ended, Failure> {
    let text = crate::shell::describe(&command);
    let failed = |source| Failure::Run { command: text.clone(), source };
    let (mut reader, writer) = std::io::pipe().map_err(failed)?;
    let errors = writer.try_clone().map_err(failed)?;
    command.process_group(0).stdin(Stdio::null()).stdout(writer).stderr(errors);
    let mut child = command.spawn().map_err(failed)?;
    // The command holds ends of the pipe; with them gone, reading ends when the processes have ended.
    drop(command);
    let output = std::thread::spawn(move || {
        let mut output = Vec::new();
        // What could be read is what is shown.
        reader.read_to_end(&mut output).unwrap_or_default();
        String::from_utf8_lossy(&output).into_owned()
    });
    let deadline = Instant::now() + limit;
    // Also what the command left running is ended, or the pipe would stay open.
    let end_group = |id: u32| {
        if let Some(group) = i32::try_from(id).ok().and_then(Pid::from_raw) {
            // There usually is nothing left.
            kill_process_group(group, Signal::KILL).unwrap_or_default();
        }
    };
    loop {
        if let Some(status) = child.try_wait().map_err(failed)? {
            end_group(child.id());
            return Ok(Ended::With(status, output.join().unwrap_or_default()));
        }
        if Instant::now() > deadline {
            end_group(child.id());
            child.wait().map_err(failed)?;
            return Ok(Ended::TooLate);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn ran_a_test(output: &str) -> bool {
    output.lines().any(|line| line.starts_with("test result: ok.") && !line.contains(" 0 passed;"))
}

/// Copies what belongs to the repository, also what is not committed yet. A file that is the same is left alone, so that
/// Cargo does not build it again.
fn copy_tree(shell: &Shell, tree: &Path) -> Result<(), Failure> {
    let command = "git ls-files";
    let listing = shell.command("git", &["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).output();
    let listing = listing.map_err(|source| Failure::Run { command: command.to_owned(), source })?;
    if !listing.status.success() {
        let status = listing.status.to_string();
        return Err(Failure::Step { step: "copy the repository".to_owned(), command: command.to_owned(), status });
    }
    let listing = String::from_utf8_lossy(&listing.stdout);
    let wanted: BTreeSet<PathBuf> = listing.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from).collect();
    fs::create_dir_all(tree).map_err(file("create", tree))?;
    remove_others(tree, tree, &wanted)?;
    for name in &wanted {
        let (from, to) = (shell.root().join(name), tree.join(name));
        // A file that is deleted but not committed is listed too.
        let Ok(new) = fs::read(&from) else { continue };
        if fs::read(&to).is_ok_and(|old| old == new) {
            continue;
        }
        let folder = to.parent().unwrap_or(tree);
        fs::create_dir_all(folder).map_err(file("create", folder))?;
        fs::write(&to, new).map_err(file("write", &to))?;
    }
    Ok(())
}

/// Removes what an earlier copy had and the repository no longer has.
fn remove_others(tree: &Path, folder: &Path, wanted: &BTreeSet<PathBuf>) -> Result<(), Failure> {
    for entry in folder.read_dir().map_err(file("list", folder))? {
        let path = entry.map_err(file("list", folder))?.path();
        if path.is_dir() {
            remove_others(tree, &path, wanted)?;
        } else if path.strip_prefix(tree).is_ok_and(|name| !wanted.contains(name)) {
            fs::remove_file(&path).map_err(file("remove", &path))?;
        }
    }
    Ok(())
}

fn file<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(std::io::Error) -> Failure + 'a {
    move |source| Failure::File { action, path: path.to_owned(), source }
}
