//! Every fail point, before and after each durable step: as an error, a panic and an exit.

use std::time::Duration;

use runner::fail_point;

use crate::child::{Child, Ended, Options};
use crate::long;
use crate::place::{Place, Setting};
use crate::replay::Consumer;

/// Runs until some fail point must have been passed; compaction needs layers to merge.
const TRIES: u32 = 15;

/// A run in pieces: a few rows change, in several windows; one comes, one goes.
struct Story {
    place: Place,
    consumer: Consumer,
    step: u32,
    armed: u32,
    /// Rows that went while removals were not wanted.
    forgotten: Vec<i64>,
}

impl Story {
    async fn begin() -> Self {
        let place = Place::new(Setting {
            rows: 40,
            window: 6,
            latency: Duration::ZERO,
            settling: Duration::from_millis(50),
            embedded: false,
        })
        .await;
        Self { place, consumer: Consumer::default(), step: 0, armed: 0, forgotten: Vec::new() }
    }

    async fn edit(&mut self) {
        self.step += 1;
        let (shop, step) = (&self.place.shop, self.step);
        shop.batch_execute("drop table if exists before; create table before as table items").await.unwrap();
        let gone = shop.query_one("delete from items where id = (select min(id) from items) returning id", &[]);
        let gone = gone.await.unwrap().get(0);
        let change = format!(
            "update items set body = 'b{}' where id % 2 = {step} % 2;
             insert into items select max(id) + 1, 'new' from items",
            step / 2
        );
        shop.batch_execute(&change).await.unwrap();
        if self.silent() {
            self.forgotten.push(gone);
        }
    }

    /// Everything is again as it was before the last edit.
    async fn take_back(&mut self) {
        let shop = &self.place.shop;
        let gone = shop.query("select id from items except select id from before", &[]).await.unwrap();
        shop.batch_execute("delete from items; insert into items table before").await.unwrap();
        if self.silent() {
            self.forgotten.extend(gone.iter().map(|row| row.get::<_, i64>(0)));
        }
    }

    /// Every second time removals are not sent, so that there is something to acknowledge silently.
    const fn silent(&self) -> bool {
        self.armed % 2 == 1
    }

    /// Runs with an armed fail point until it strikes, then checks that clean runs make everything good.
    async fn strike(&mut self, name: &str, nth: u32, mode: &str) {
        let fail_point = format!("{name}:{nth}:{mode}");
        let options = Options { fail_point: Some(fail_point.clone()), ..Options::default() };
        self.place.write_sync_file(!self.silent());
        let mut tries = 0;
        loop {
            self.edit().await;
            let ended = Child::start(&self.place, &options).ended().await;
            if struck(&ended, name, mode) {
                break;
            }
            tries += 1;
            assert_eq!(ended.code(), Some(0), "{fail_point} did something else: {ended:?}");
            assert!(tries < TRIES, "{fail_point} was not passed in {tries} runs");
        }
        self.place.expire_leases().await;
        // What is in doubt stays as it is, goes back to what was acknowledged before, or goes on.
        match self.armed % 3 {
            0 => {}
            1 => self.take_back().await,
            _ => self.edit().await,
        }
        self.place.run().await;
        self.armed += 1;
        self.place.check_stream(&mut self.consumer, &self.forgotten).await;
        self.place.check_store().await;
        let most = self.armed as usize * self.place.window() as usize;
        assert!(self.consumer.duplicates <= most, "{fail_point}: {} duplicates", self.consumer.duplicates);
    }
}

/// Whether the run ended in the way that the fail point says.
fn struck(ended: &Ended, name: &str, mode: &str) -> bool {
    let names = ended.errors.contains(&format!("fail point {name}"));
    match mode {
        "exit" => ended.code() == Some(99),
        "panic" => ended.code() == Some(101) && names,
        _ => ended.code() == Some(1) && names,
    }
}

/// Passed many times in one run.
fn again(name: &str) -> bool {
    ["window", "put", "acknowledged", "checkpoint"].iter().any(|step| name.contains(step))
}

async fn every_fail_point(mode: &str) {
    let mut story = Story::begin().await;
    for name in fail_point::ALL {
        story.strike(name, 1, mode).await;
        if long() && again(name) {
            story.strike(name, 2, mode).await;
            story.strike(name, 3, mode).await;
        }
    }
    let wanted = fail_point::ALL.len() as u32;
    assert!(story.armed >= wanted);
    let (records, duplicates) = (story.consumer.records(), story.consumer.duplicates);
    eprintln!("{} fail points struck by {mode}; {records} records, {duplicates} duplicates", story.armed);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_at_any_fail_point_loses_nothing() {
    every_fail_point("error").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_at_any_fail_point_loses_nothing() {
    every_fail_point("panic").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exit_at_any_fail_point_loses_nothing() {
    every_fail_point("exit").await;
}
