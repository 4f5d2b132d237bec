//! `tests/curl.sh`: the API by curl alone.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::world::{Settings, World};

const SHOP: &str = "
    create table articles (id bigint primary key, title text not null, body text not null);
    insert into articles select n, 'Article ' || n, 'short' from generate_series(1, 40) n;
    insert into articles select n, 'Article ' || n, repeat('long ', 1200) from generate_series(41, 42) n;
    create table orders (id bigint primary key, amount numeric not null);
    insert into orders select n, n * 0.25 from generate_series(1, 20000) n";

/// For the whole script, which takes some twenty seconds.
const LONGEST: Duration = Duration::from_secs(300);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_gets_all_the_way_with_curl_alone() {
    let world = World::start(Settings::default()).await;
    let all = world.all().await;
    let shop = world.shop(SHOP).await;
    let script = Command::new("sh")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/curl.sh"))
        .env("ROWCAST", all.url())
        .env("SIMULATOR", world.simulator.endpoint())
        .env("DB_HOST", "127.0.0.1")
        .env("DB_PORT", shop.port().to_string())
        .env("DB_NAME", shop.database())
        .env("DB_USER", shop.user())
        .env("DB_PASSWORD", shop.password())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(LONGEST, script).await.expect("the script did not end").unwrap();
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let problems = all
        .log()
        .lines()
        .filter(|line| line.contains("\"WARN\"") || line.contains("\"ERROR\""))
        .fold(String::new(), |all, line| all + line + "\n");
    assert!(output.status.success(), "{said}\n{complained}\nThe service's log warns:\n{problems}");
    println!("{said}");
    assert!(said.ends_with("== Done\n"), "{said}");
    all.terminate().await;
}
