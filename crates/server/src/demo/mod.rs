//! `rowcast demo`: the whole path on a small shop, and `rowcast simulator`.

mod check;
mod shop;
mod story;

use std::path::PathBuf;

use crate::cli::{DemoArguments, SimulatorArguments};
use crate::{Exit, Result, place};

pub(crate) async fn run(arguments: DemoArguments) -> Result<Exit> {
    let home = match &arguments.home {
        Some(home) => home.clone(),
        None => place::default_home()?.join("demo"),
    };
    clear(&home)?;
    story::tell(&home, &arguments).await
}

/// The simulator alone, for trying `rowcast run` without an AWS account.
pub(crate) async fn simulator(arguments: SimulatorArguments) -> Result<Exit> {
    let config = simulator::Config { listen: arguments.listen, ..simulator::Config::default() };
    let simulator = simulator::start(config).await?;
    for stream in &arguments.streams {
        simulator.create_stream(stream, arguments.shards)?;
    }
    println!("Kinesis simulator at {} (any access key; Ctrl-C ends it)", simulator.endpoint());
    for stream in &arguments.streams {
        println!(
            "  stream {stream}, {} shards; what arrived: {}/_simulator/streams/{stream}/records",
            arguments.shards,
            simulator.endpoint()
        );
    }
    tokio::signal::ctrl_c().await?;
    simulator.shutdown().await;
    Ok(Exit::Done)
}

/// The demo begins anew each time: its stream does not outlive it. Only a folder that an earlier demo made is emptied.
fn clear(home: &PathBuf) -> Result<()> {
    const MARK: &str = ".rowcast-demo";
    if home.exists() {
        let empty = std::fs::read_dir(home)?.next().is_none();
        if !empty && !home.join(MARK).exists() {
            return Err(format!("{} is not empty and not from a demo: choose another --home", home.display()).into());
        }
        embedded::remove(&home.join("postgres"))?;
        std::fs::remove_dir_all(home)?;
    }
    place::private_folder(home)?;
    Ok(std::fs::write(home.join(MARK), "")?)
}
