//! One list of Kinesis behavior, run with the real SDK against our simulator and against `ferrokinesis`, an emulator
//! that others wrote. Where the two differ, the list says why; a difference that is not in the list, or that is gone,
//! fails the test.
#![expect(clippy::expect_used, clippy::panic, reason = "all of this is a test")]

mod kinesis;
mod putting;
mod reading;
mod refusing;
mod resharding;
mod streams;

use std::cell::RefCell;
use std::panic;
use std::pin::Pin;
use std::sync::Once;

use crate::kinesis::Kinesis;

struct Case {
    name: &'static str,
    run: fn(Kinesis) -> Pin<Box<dyn Future<Output = ()> + Send>>,
    applies: Applies,
}

#[derive(Clone, Copy)]
enum Applies {
    /// To both.
    Both,
    /// To the simulator; the emulator fails it, for this reason.
    Differs(&'static str),
    /// To the simulator; the emulator fails it now and then, for this reason, and is not asked.
    SimulatorOnly(&'static str),
}
use Applies::{Both, Differs, SimulatorOnly};

macro_rules! cases {
    ($($module:ident :: $case:ident, $applies:expr;)*) => {
        [$(Case {
            name: concat!(stringify!($module), "::", stringify!($case)),
            run: |kinesis| Box::pin($module::$case(kinesis)),
            applies: $applies,
        }),*]
    };
}

const OLD_LIMITS: &str = "it has the limits from before October 2025 built in: 5 MiB a request, 1 MiB a record";

fn cases() -> Vec<Case> {
    Vec::from(cases! {
        streams::a_created_stream_is_described_with_its_arn_mode_and_creation_time, Both;
        streams::an_on_demand_stream_starts_with_four_shards, Differs("it wants a shard count for on-demand streams too");
        streams::streams_are_listed_by_name_in_pages, Both;
        streams::streams_are_listed_with_summaries, Differs("it lists names only");
        streams::the_next_page_of_streams_is_asked_for_by_token, Differs("it knows no NextToken here");
        streams::a_name_can_be_taken_once, Both;
        streams::a_stream_made_anew_under_an_old_name_is_empty, Both;
        streams::a_stream_made_anew_within_a_second_has_a_later_creation_time,
            SimulatorOnly("its creation times are whole seconds");
        streams::an_unknown_stream_is_not_found, Both;
        streams::odd_names_and_shard_counts_are_invalid, Both;
        streams::an_arn_of_another_account_or_region_names_no_stream, Differs("it reads nothing but the name from an ARN");

        resharding::new_shards_cover_all_hash_keys, Both;
        resharding::a_split_closes_the_parent_and_halves_its_range, Both;
        resharding::a_merge_joins_two_adjacent_ranges, Both;
        resharding::a_split_outside_the_range_and_a_merge_of_strangers_are_refused, Both;
        resharding::shards_are_listed_in_pages, Differs("its token does not carry the stream");
        resharding::open_shards_can_be_listed_alone, Differs("it ignores ShardFilter");

        putting::records_go_to_the_shard_of_their_md5, Both;
        putting::explicit_hash_keys_reach_both_ends_of_every_shard, Both;
        putting::records_are_read_back_in_order_with_their_data, Both;
        putting::sequence_numbers_have_56_digits_and_grow, Both;
        putting::a_stream_can_be_named_by_its_arn, Both;
        putting::data_may_be_empty, Both;
        putting::one_record_can_be_put_alone, Both;
        putting::a_call_takes_1_to_500_records, Both;
        putting::a_partition_key_has_up_to_256_characters, Both;
        putting::characters_of_a_key_are_counted_not_bytes, Differs("it counts the bytes of a key");
        putting::a_record_of_exactly_1_mib_with_its_key_passes, Both;
        putting::a_call_of_6_mib_passes, Differs(OLD_LIMITS);
        putting::a_stream_can_take_larger_records_once_it_is_told_to, Differs(OLD_LIMITS);
        putting::records_above_1_mib_a_second_fail_one_by_one, Both;
        putting::records_above_1000_a_second_fail_and_are_not_written, Both;
        putting::a_full_shard_does_not_stop_records_of_another, Both;
        putting::a_throttled_record_names_shard_stream_and_account, Differs("its text names none of them");

        refusing::one_empty_partition_key_refuses_the_whole_call, Both;
        refusing::a_missing_partition_key_refuses_the_whole_call, Both;
        refusing::a_malformed_hash_key_is_invalid, Both;
        refusing::signs_fractions_and_leading_zeros_in_a_hash_key_are_invalid,
            Differs("it accepts what parses as a number, and has another code for what does not");
        refusing::a_hash_key_of_2_to_the_128_is_out_of_range, Both;
        refusing::the_key_counts_toward_the_size_of_a_record, Differs("it counts the data alone");
        refusing::a_record_above_the_limit_refuses_the_whole_call, Both;
        refusing::a_call_above_10_mib_is_refused, Both;
        refusing::a_dry_run_writes_nothing_and_says_so, Differs("it does not know DryRun, and writes");

        reading::iterators_start_where_they_are_told_to, Both;
        reading::a_page_of_records_is_as_long_as_asked, Both;
        reading::a_closed_shard_ends, Both;
        reading::foreign_iterators_and_sequence_numbers_are_refused, Both;
    })
}

#[tokio::test]
async fn the_simulator_behaves_like_kinesis() {
    let simulator = simulator::start(simulator::Config::default()).await.expect("the simulator starts");
    let kinesis = Kinesis::new(simulator.endpoint());
    let mut failures = Vec::new();
    for case in cases() {
        if let Err(failure) = run(&case, &kinesis).await {
            failures.push(format!("{}: {failure}", case.name));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    simulator.shutdown().await;
}

#[tokio::test]
async fn a_third_party_emulator_agrees_but_for_the_listed_differences() {
    let endpoint = kinesis::start_ferrokinesis().await;
    let kinesis = Kinesis::new(&endpoint);
    let mut surprises = Vec::new();
    println!("ferrokinesis 0.7.0 differs from the simulator, which follows the documents of Kinesis, in:");
    for case in cases() {
        let name = case.name;
        match case.applies {
            SimulatorOnly(reason) => println!("  {name} (not asked): {reason}"),
            Both => {
                if let Err(failure) = run(&case, &kinesis).await {
                    surprises.push(format!("{name} fails: {failure}"));
                }
            }
            Differs(reason) => match run(&case, &kinesis).await {
                Err(_) => println!("  {name}: {reason}"),
                Ok(()) => surprises.push(format!("{name} passes, so the list is wrong to say: {reason}")),
            },
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
}

/// Runs a case in a task of its own, so that a failed assertion ends that case alone.
async fn run(case: &Case, kinesis: &Kinesis) -> Result<(), String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(keep_panics_of_cases);
    let task = tokio::spawn((case.run)(kinesis.clone()));
    task.await.map_err(|error| if error.is_panic() { PANIC.take() } else { error.to_string() })
}

thread_local! {
    /// The last panic of a case, with its place. A test and its cases share one thread.
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Panics of cases, which run in tasks, are kept instead of printed: many are expected.
fn keep_panics_of_cases() {
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |info| match tokio::task::try_id() {
        Some(_) => PANIC.set(info.to_string()),
        None => print(info),
    }));
}
