//! `kill -9` at any moment.

use std::time::Duration;

use crate::child::{Child, Options};
use crate::long;
use crate::place::{Place, Setting};
use crate::random::Random;
use crate::replay::Consumer;
use crate::waiting::until;

const ROWS: u32 = 2_000;

/// P1: nothing is lost. P2: a kill costs at most one window of duplicates. P3: the sums hold for every attempt. P4: what
/// arrives of a row comes in order.
#[tokio::test(flavor = "multi_thread")]
async fn kills_at_random_moments_lose_nothing_and_cost_a_window_of_duplicates_at_most() {
    let mut random = Random::new("random kills");
    let wanted = if long() { 200 } else { 20 };
    let place = Place::new(Setting {
        rows: ROWS,
        window: 100,
        latency: Duration::from_millis(10),
        settling: Duration::from_millis(500),
        embedded: false,
    })
    .await;
    let mut consumer = Consumer::default();
    let (mut kills, mut survivors, mut checked, mut log_checked) = (0, 0, (0, 0), 0);
    while kills < wanted {
        edit(&place, &mut random).await;
        let waits_for_lease = random.one_in(7);
        let options = Options { lease: if waits_for_lease { 2.0 } else { 20.0 }, ..Options::default() };
        let mut child = Child::start(&place, &options);
        moment(&place, &mut child, &mut random).await;
        if child.kill().await {
            kills += 1;
        } else {
            survivors += 1;
        }
        if !waits_for_lease {
            place.expire_leases().await;
        }
        // Often the next one is killed too, before it has made good what this one left.
        if random.one_in(3) {
            edit(&place, &mut random).await;
        }
        if random.one_in(3) || kills == wanted {
            place.run().await;
            place.check_stream(&mut consumer, &[]).await;
            place.check_rest(&place.store().await).await;
            // The log keeps what it has, and is read as a whole: what is false in it is found by a later check as well.
            if kills - log_checked >= wanted / 20 || kills == wanted {
                place.check_store().await;
                log_checked = kills;
            }
            let (found, most) = (consumer.duplicates - checked.1, (kills - checked.0) * place.window() as usize);
            assert!(found <= most, "{found} duplicates after {} kills, {most} are allowed", kills - checked.0);
            checked = (kills, consumer.duplicates);
        }
    }
    let before = place.arrived();
    let last = place.run().await;
    assert_eq!((last.count("planned"), place.arrived()), (0, before), "nothing changed, so nothing is sent");
    let (records, duplicates) = (consumer.records(), consumer.duplicates);
    eprintln!("{kills} kills, {survivors} runs ended before; {records} records, {duplicates} of them duplicates");
}

/// Some rows change, to new values or back to older ones; a few come, go and come back.
async fn edit(place: &Place, random: &mut Random) {
    let (some, value) = (1 + random.below(12), random.below(1_000_000));
    let edit = format!(
        "update items set body = 'a' || (id + {value}) % 3 where (id * 7 + {value}) % {some} = 0;
         delete from items where (id + {value}) % 301 = 0;
         insert into items select n, 'new' from generate_series(1, 2100) n where (n + {value}) % 211 = 0
         on conflict (id) do nothing"
    );
    place.shop.batch_execute(&edit).await.unwrap();
}

/// Waits for the moment of the kill: a time, or a number of records that have arrived.
async fn moment(place: &Place, child: &mut Child, random: &mut Random) {
    if random.one_in(3) {
        tokio::time::sleep(Duration::from_millis(random.below(1_500))).await;
        return;
    }
    let records = place.arrived() + usize::try_from(1 + random.below(600)).unwrap();
    until("enough records or the end of the run", || place.arrived() >= records || child.has_ended()).await;
    // Somewhere between two puts.
    tokio::time::sleep(Duration::from_millis(random.below(40))).await;
}
