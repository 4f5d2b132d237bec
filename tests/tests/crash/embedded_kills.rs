//! `kill -9` of a process that runs a PostgreSQL of its own.

use std::fs;
use std::path::Path;
use std::time::Duration;

use testkit::database;

use crate::child::{Child, Options};
use crate::long;
use crate::place::{Place, Setting, connect};
use crate::random::Random;
use crate::replay::Consumer;
use crate::waiting::until;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_leaves_no_postgres_behind_and_the_next_one_goes_on() {
    let mut random = Random::new("kills with an embedded PostgreSQL");
    let place = Place::new(Setting {
        rows: 1_000,
        window: 100,
        latency: Duration::from_millis(25),
        settling: Duration::from_millis(300),
        embedded: true,
    })
    .await;
    // The first one dies while the data folder is being made.
    let child = Child::start(&place, &Options { lease: 2.0, ..Options::default() });
    until("the data folder", || place.home().join("postgres").exists()).await;
    tokio::time::sleep(Duration::from_millis(random.below(1_000))).await;
    assert!(child.kill().await);
    nothing_runs_in(place.home()).await;

    let wanted = if long() { 12 } else { 3 };
    let (mut kills, mut step) = (0, 0);
    while kills < wanted {
        step += 1;
        let change = format!("update items set body = 'b{step}' where id % 2 = {step} % 2");
        place.shop.batch_execute(&change).await.unwrap();
        let mut child = Child::start(&place, &Options { lease: 2.0, ..Options::default() });
        let records = place.arrived() + 1 + usize::try_from(random.below(300)).unwrap();
        child.until_arrived(&place, records).await;
        let running = processes_in(place.home());
        // One that was too quick does not count.
        if child.kill().await {
            assert!(running.iter().any(|command| command.contains("postgres")), "no PostgreSQL among {running:?}");
            kills += 1;
        }
        nothing_runs_in(place.home()).await;
    }
    let mut consumer = Consumer::default();
    let ended = place.run().await;
    assert_eq!(ended.report()["state"], "succeeded");
    place.check_stream(&mut consumer, &[]).await;
    let most = kills * place.window() as usize;
    assert!(consumer.duplicates <= most, "{} duplicates after {kills} kills", consumer.duplicates);
    nothing_runs_in(place.home()).await;
    let settings = database::settings(place.home().join("postgres"));
    let cluster = embedded::start(&settings).unwrap();
    place.check_kept(&connect(&cluster.url("rowcast")).await).await;
}

async fn nothing_runs_in(home: &Path) {
    until("no process of that home is left", || processes_in(home).is_empty()).await;
}

/// Processes that work in a folder below `home`, or were told of one.
fn processes_in(home: &Path) -> Vec<String> {
    let needle = home.to_str().unwrap();
    let about = |process: &fs::DirEntry| {
        let folder = fs::read_link(process.path().join("cwd")).unwrap_or_default();
        let command = fs::read(process.path().join("cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        (folder.starts_with(home) || command.contains(needle)).then_some(command)
    };
    fs::read_dir("/proc").unwrap().filter_map(Result::ok).filter_map(|process| about(&process)).collect()
}
