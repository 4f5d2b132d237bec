//! How many arenas the allocator of glibc has. Each keeps what its busiest moment took, and there may be eight for each processor,
//! which threads come to use one after the other: a third of a run's memory would be what others have left there. glibc reads the
//! number from the environment when a process begins, and takes it nowhere else without unsafe code.

#[cfg(all(unix, target_env = "gnu"))]
#[expect(clippy::disallowed_methods, reason = "the environment is where the allocator looks")]
pub(crate) fn limit() {
    use std::os::unix::process::CommandExt as _;
    use std::path::Path;
    use std::process::Command;

    const SETTING: &str = "MALLOC_ARENA_MAX";
    // Two at least: one thread allocates what another gives back.
    let arenas = std::thread::available_parallelism().map_or(2, usize::from).max(2);
    let mut arguments = std::env::args_os();
    let (Ok(program), Some(name)) = (std::env::current_exe(), arguments.next()) else { return };
    // A loader or an emulator that was called with this program as its argument has another name.
    let is_called_itself = program.file_name() == Path::new(&name).file_name();
    if is_called_itself && std::env::var_os(SETTING).is_none() {
        let mut again = Command::new(program);
        // It comes back only if that cannot be done; then this process goes on as it is.
        let _failed = again.arg0(name).args(arguments).env(SETTING, arenas.to_string()).exec();
    }
}

#[cfg(not(all(unix, target_env = "gnu")))]
pub(crate) fn limit() {}
