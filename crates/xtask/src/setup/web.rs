//! The pages of the web UI. The program embeds them when it is built after them, and does without them otherwise.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};

use super::{apt, is_root, with_sudo};
use crate::Failure;
use crate::shell::{Shell, say, succeeds, variable};

/// What the pages are made of, below `web/`.
const MADE_OF: [&str; 7] =
    ["package.json", "package-lock.json", "index.html", "vite.config.ts", "tsconfig.json", "src", "public"];

/// What Chromium is called, and a browser that is built from it.
const CHROMIUM: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// Builds the pages if what they are made of has changed.
pub(crate) fn web(shell: &Shell) -> Result<(), Failure> {
    let web = shell.root().join("web");
    if !succeeds(shell.command("node", &["--version"])) || !succeeds(shell.command("npm", &["--version"])) {
        let command = "apt-get install -y nodejs npm   (Node 20.19 or newer)".to_owned();
        return Err(Failure::Missing { what: "Node and its npm, which build the web UI,", command });
    }
    // Written at the end, so that half a build is done anew.
    let stamps = shell.root().join(".rowcast").join("web");
    let (packages, pages) = (stamps.join("packages"), stamps.join("pages"));
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| Failure::File { action: "read", path, source }
    };
    let (lock, all) =
        (digest(&web, &MADE_OF[..2]).map_err(failed(&web))?, digest(&web, &MADE_OF).map_err(failed(&web))?);
    if holds(&pages, &all) && web.join("dist/index.html").is_file() {
        say("    web UI: found");
        return Ok(());
    }
    say("    web UI: not built, or changed since; building it");
    if !holds(&packages, &lock) || !web.join("node_modules").is_dir() {
        install(shell, &web)?;
        write(&packages, &lock)?;
    }
    let mut build = shell.command("npm", &["run", "--silent", "bundle"]);
    build.current_dir(&web);
    shell.step("build the web UI", build)?;
    write(&pages, &all)
}

/// Finds or installs Chromium, in which the journeys through the web UI run. None where it is not there and cannot be had,
/// which is no failure: without it everything but the journeys is checked.
pub(crate) fn chromium(shell: &Shell) -> Option<PathBuf> {
    if let Some(named) = variable("CHROMIUM") {
        return Some(PathBuf::from(named));
    }
    let found = find_chromium(shell).or_else(|| {
        let installed = is_root() && apt(shell, "Chromium", &["chromium"]);
        installed.then(|| find_chromium(shell)).flatten()
    });
    match &found {
        Some(program) => say(&format!("    Chromium: found {}", program.display())),
        None => {
            let command = with_sudo("apt-get install -y --no-install-recommends chromium");
            say(&format!(
                "    Chromium: not found. To walk through the web UI, too: {command}, or name one with CHROMIUM"
            ));
        }
    }
    found
}

fn find_chromium(shell: &Shell) -> Option<PathBuf> {
    let path = variable("PATH")?;
    let places = std::env::split_paths(&path).flat_map(|folder| CHROMIUM.map(|name| folder.join(name)));
    // A package may leave a program that only says how to install another package.
    let runs = |program: &PathBuf| succeeds(shell.command(&program.display().to_string(), &["--version"]));
    places.filter(|program| program.is_file()).find(runs)
}

fn install(shell: &Shell, web: &Path) -> Result<(), Failure> {
    let npm = |arguments: &[&str]| {
        let mut command = shell.command("npm", arguments);
        command.args(["--no-audit", "--no-fund"]).current_dir(web);
        command
    };
    let exact = shell.step("install the packages of the web UI", npm(&["ci"]));
    // A mirror may lack packages for other platforms than this one, which `npm ci` wants to know of.
    exact.or_else(|_| shell.step("install what there is of them", npm(&["install", "--no-save"])))
}

fn holds(stamp: &Path, digest: &str) -> bool {
    std::fs::read_to_string(stamp).is_ok_and(|found| found == digest)
}

fn write(stamp: &Path, digest: &str) -> Result<(), Failure> {
    let folder = stamp.parent().unwrap_or(stamp);
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(stamp, digest));
    written.map_err(|source| Failure::File { action: "write", path: stamp.to_owned(), source })
}

/// Of names and contents. It only has to notice changes, on one machine.
fn digest(web: &Path, names: &[&str]) -> io::Result<String> {
    let mut files = Vec::new();
    for name in names {
        collect(&web.join(name), &mut files)?;
    }
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.hash(&mut hasher);
        std::fs::read(&file)?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in std::fs::read_dir(path)? {
        collect(&entry?.path(), files)?;
    }
    Ok(())
}
