use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::Error;

/// Ends what a killed process of ours left over in this data folder, and clears what would block the next start. Only
/// the holder of the home's lock calls this, so nothing found here has a living parent of ours.
///
/// Usually the supervisor is already stopping the server, and this only waits.
pub(crate) fn stop(home: &Path, data: &Path) -> Result<(), Error> {
    if !data.exists() || !Path::new("/proc/self").exists() {
        // Where a process's folder cannot be looked up, PostgreSQL's own check of its file has to do.
        return Ok(());
    }
    let file = data.join("postmaster.pid");
    let server =
        fs::read_to_string(&file).ok().and_then(|text| Pid::from_raw(text.lines().next()?.trim().parse().ok()?));
    for (signal, patience) in [(Signal::INT, 20), (Signal::QUIT, 10), (Signal::KILL, 5)] {
        let mut users = users_of(data);
        if users.is_empty() {
            break;
        }
        tracing::info!(?users, home = %home.display(), "ending a PostgreSQL that a killed process left over");
        if signal == Signal::INT {
            // The server ends its sessions itself; to a session this signal would mean to cancel its statement.
            users.retain(|user| Some(*user) == server);
        }
        for user in &users {
            // An error means that it has just ended, which the wait sees.
            kill_process(*user, signal).unwrap_or_default();
        }
        wait_until_unused(data, if users.is_empty() { Duration::ZERO } else { Duration::from_secs(patience) });
    }
    if let Some(user) = users_of(data).first() {
        return Err(Error::Leftover { home: home.to_owned(), pid: user.as_raw_nonzero().get() });
    }
    // Nobody uses the data, but the number in the file may belong to a zombie or to a stranger by now (after a reboot,
    // or in a container, where numbers are small), and PostgreSQL would refuse to start as long as that one lives.
    match fs::remove_file(&file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", &file)(error)),
        _ => Ok(()),
    }
}

fn wait_until_unused(data: &Path, patience: Duration) {
    let deadline = Instant::now() + patience;
    while !users_of(data).is_empty() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The living processes that work in this data folder: the server and its sessions, which may outlive it for a while.
fn users_of(data: &Path) -> Vec<Pid> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    processes
        .filter_map(Result::ok)
        .filter(|process| fs::read_link(process.path().join("cwd")).is_ok_and(|folder| folder == data))
        .filter_map(|process| Pid::from_raw(process.file_name().to_str()?.parse().ok()?))
        .collect()
}
