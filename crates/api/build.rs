//! Embeds the pages of the web UI, if `web/dist` has them: `cargo build` alone works without Node.
#![expect(clippy::disallowed_methods, reason = "cargo tells a build script by the environment where it is")]

use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> Result<(), Box<dyn Error>> {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or("cargo names no folder of the package")?);
    let dist = here.ancestors().nth(2).unwrap_or(&here).join("web").join("dist");
    if dist.is_dir() {
        // The folder is in the repository, empty but for one file: a folder that is missing would count as changed always.
        println!("cargo::rerun-if-changed={}", dist.display());
    }
    let mut files = Vec::new();
    if dist.join("index.html").is_file() {
        collect(&dist, &dist, &mut files)?;
    }
    files.sort();
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo names no folder to write to")?);
    let mut code = "pub(super) const FILES: &[(&str, &[u8])] = &[\n".to_owned();
    for (at, (name, path)) in files.iter().enumerate() {
        // Copies: the next build of the pages removes the originals, maybe before the compiler reads them.
        let copy = out.join(format!("ui_file_{at}"));
        fs::copy(path, &copy)?;
        writeln!(code, "    ({name:?}, include_bytes!({:?})),", copy.display().to_string())?;
    }
    code += "];\n";
    Ok(fs::write(out.join("ui_files.rs"), code)?)
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, files)?;
        } else if let Ok(name) = path.strip_prefix(root)
            && !name.starts_with(".keep")
        {
            files.push((name.to_string_lossy().replace('\\', "/"), path));
        }
    }
    Ok(())
}
