//! Serves a simulator until Ctrl-C: `cargo run -p simulator --example serve -- 127.0.0.1:4567`.

use simulator::{Config, start};

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the address is what the person who starts it needs")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut config = Config::default();
    if let Some(address) = std::env::args().nth(1) {
        config.listen = address.parse()?;
    }
    let simulator = start(config).await?;
    println!("{}", simulator.endpoint());
    tokio::signal::ctrl_c().await?;
    simulator.shutdown().await;
    Ok(())
}
