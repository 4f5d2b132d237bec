//! One Parquet object: columns described once, writing row groups, reading chunks of columns. The tables of rows and of
//! calls are made of these.

mod chunks;
mod group;
mod read;
mod schema;
mod write;

pub(crate) use chunks::Chunks;
pub(crate) use group::{Group, GroupShape, GroupWriter};
pub(crate) use read::File;
pub(crate) use schema::{CALL_BODIES, CALLS, Column, ROW_VALUES, ROWS, Sorted, column};
pub(crate) use write::FileWriter;

/// The key in the footer's metadata that says what the file is; its value is the version of the format.
const FORMAT: &str = "rowcast.format";
const FORMAT_VERSION: &str = "2";
/// BLAKE3 of each chunk of a column, by row group and column, the first 16 bytes of each, in base64.
const DIGESTS: &str = "rowcast.digests";
const DIGEST_BYTES: usize = 16;
/// Where the object comes from, so that a file that was copied elsewhere still says it.
const SYNC: &str = "rowcast.sync";
const TABLE: &str = "rowcast.table";

fn digest(bytes: &[u8]) -> [u8; DIGEST_BYTES] {
    let mut out = [0; DIGEST_BYTES];
    out.copy_from_slice(&blake3::hash(bytes).as_bytes()[..DIGEST_BYTES]);
    out
}
