//! Records share calls: in their order, as many as the limits allow, none ever split.

use domain::Limits;

use crate::limits::{self, Invalid};
use crate::record::Record;

/// Records that share one call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// Positions in the slice that was packed, rising.
    pub records: Vec<u32>,
    /// As Kinesis counts them.
    pub bytes: usize,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Packed {
    pub batches: Vec<Batch>,
    /// Records that no call may hold, and why.
    pub invalid: Vec<(u32, Invalid)>,
}

/// Packs records greedily. Every record is in one batch, or is invalid.
pub fn pack(records: &[Record], limits: &Limits) -> Packed {
    let call = limits::possible(limits);
    let mut packed = Packed::default();
    let mut batch = Batch::default();
    for (position, record) in (0u32..).zip(records) {
        if let Err(invalid) = limits::check(record, limits) {
            packed.invalid.push((position, invalid));
            continue;
        }
        let bytes = limits::billed_bytes(record);
        if batch.records.len() == call.call_records || batch.bytes + bytes > call.call_bytes {
            packed.batches.push(std::mem::take(&mut batch));
        }
        batch.records.push(position);
        batch.bytes += bytes;
    }
    if !batch.records.is_empty() {
        packed.batches.push(batch);
    }
    packed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(bytes: usize) -> Record {
        Record { data: vec![0; bytes], partition_key: "k".to_owned(), explicit_hash_key: None }
    }

    #[test]
    fn a_call_is_full_at_500_records() {
        let packed = pack(&vec![record(1); 1001], &Limits::default());
        let sizes: Vec<_> = packed.batches.iter().map(|batch| batch.records.len()).collect();
        assert_eq!(sizes, [500, 500, 1]);
    }

    #[test]
    fn a_call_is_full_at_its_bytes() {
        let limits = Limits { call_bytes: 30, ..Limits::default() };
        let packed = pack(&[9, 9, 9, 0, 29, 30, 0].map(record), &limits);
        let batches: Vec<_> = packed.batches.iter().map(|batch| (batch.records.clone(), batch.bytes)).collect();
        assert_eq!(batches, [(vec![0, 1, 2], 30), (vec![3], 1), (vec![4], 30), (vec![6], 1)]);
        assert_eq!(packed.invalid, [(5, Invalid::TooLarge { bytes: 31, limit: 30 })]);
    }

    #[test]
    fn nothing_makes_no_call() {
        assert_eq!(pack(&[], &Limits::default()), Packed::default());
    }

    proptest! {
        #[test]
        fn every_record_is_in_one_batch_or_invalid_and_every_batch_is_legal_and_full(
            sizes in prop::collection::vec(0usize..120, 0..200),
            call_bytes in 1usize..300,
            record_bytes in 1usize..120,
            call_records in 1usize..20,
        ) {
            let limits = Limits { record_bytes, call_bytes, call_records };
            let records: Vec<_> = sizes.iter().map(|size| record(*size)).collect();
            let packed = pack(&records, &limits);

            let mut seen: Vec<u32> = packed.batches.iter().flat_map(|batch| batch.records.clone()).collect();
            prop_assert!(seen.is_sorted());
            seen.extend(packed.invalid.iter().map(|(position, _)| *position));
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..records.len() as u32).collect::<Vec<_>>());

            for batch in &packed.batches {
                let bytes: usize = batch.records.iter().map(|at| sizes[*at as usize] + 1).sum();
                prop_assert_eq!(bytes, batch.bytes);
                prop_assert!(bytes <= call_bytes && !batch.records.is_empty() && batch.records.len() <= call_records);
            }
            for pair in packed.batches.windows(2) {
                let next = sizes[pair[1].records[0] as usize] + 1;
                prop_assert!(pair[0].records.len() == call_records || pair[0].bytes + next > call_bytes);
            }
            for (position, _) in &packed.invalid {
                prop_assert!(sizes[*position as usize] + 1 > record_bytes.min(call_bytes));
            }
        }
    }
}
