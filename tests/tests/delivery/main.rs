//! The whole path of a row, in process: real PostgreSQL, the real SDK over HTTP, the simulator, and an oracle that shares
//! no code with the product. Each module names the promise it argues for.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod aggregated;
mod chosen_rows;
mod fan_out;
mod handing_over;
mod hot_shards;
mod largest_records;
mod limits_of_a_run;
mod log_is_true;
mod p1_random_histories;
mod p1_what_failed_is_sent;
mod p2_bounded_duplicates;
mod p4_order_per_key;
mod rows;
