//! What is not what was written is reported by name, and nothing of it is shown.

use std::fs;

use outcomes::{
    CallFilter, Error, Export, ExportFormat, ObjectRef, RowFilter, Values, Wanted, encode_calls, encode_rows,
};

use crate::given::{calls, delivered, key_hash, origin};
use crate::{Log, log};

/// Everything a reader can ask of an object of rows; the errors.
async fn ask(log: &Log, object: &ObjectRef) -> Vec<Error> {
    let reader = &log.reader;
    let page = reader.rows(object, &RowFilter::default(), 0, usize::MAX, Values::Read).await;
    let call = RowFilter { call: Some(0), ..RowFilter::default() };
    let filtered = reader.rows(object, &call, 0, usize::MAX, Values::Read).await;
    let mut errors: Vec<_> = [page.err(), filtered.err()].into_iter().flatten().collect();
    errors.extend(reader.find_key(object, key_hash(3), Values::Read).await.err());
    errors.extend(reader.find_position(object, "shardId-000000000001", "1", Values::Read).await.err());
    let wanted = Wanted::Rows(RowFilter::default(), Values::Read);
    let mut export = Export::new(log.objects.clone(), vec![object.clone()], wanted, ExportFormat::Ndjson).unwrap();
    errors.extend(export.next().await.err());
    errors
}

#[tokio::test]
async fn every_flipped_bit_is_noticed_by_whoever_reads_it() {
    let log = log();
    let mut rows = delivered(0..40, true);
    let object = log.put(&encode_rows(origin(0), &mut rows).unwrap()).await;
    let whole = fs::read(log.path(&object)).unwrap();
    assert!(ask(&log, &object).await.is_empty());
    // The first four bytes are the mark of Parquet, which nobody needs.
    for at in (4..whole.len()).step_by(7) {
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << (at % 8);
        fs::write(log.path(&object), damaged).unwrap();
        let errors = ask(&log, &object).await;
        assert!(!errors.is_empty(), "a flipped bit at {at} of {} went unnoticed", whole.len());
        for error in errors {
            assert!(matches!(&error, Error::Corrupt { object: name, .. } if *name == object.name), "{error}");
        }
    }
}

#[tokio::test]
async fn an_object_that_ends_early_or_late_or_is_gone_is_named() {
    let log = log();
    let mut rows = delivered(0..40, false);
    let object = log.put(&encode_rows(origin(0), &mut rows).unwrap()).await;
    let whole = fs::read(log.path(&object)).unwrap();
    for length in (0..whole.len()).step_by(97) {
        fs::write(log.path(&object), &whole[..length]).unwrap();
        let errors = ask(&log, &object).await;
        assert_eq!(errors.len(), 5);
        assert!(errors.iter().all(|error| matches!(error, Error::Corrupt { .. })), "{errors:?}");
    }
    fs::write(log.path(&object), [whole.as_slice(), b"more"].concat()).unwrap();
    assert_eq!(ask(&log, &object).await.len(), 5);
    fs::remove_file(log.path(&object)).unwrap();
    for error in ask(&log, &object).await {
        assert!(matches!(&error, Error::Missing { object: name } if *name == object.name), "{error}");
    }
}

#[tokio::test]
async fn another_object_under_the_name_is_refused() {
    let log = log();
    let mut rows = delivered(0..40, false);
    let object = log.put(&encode_rows(origin(0), &mut rows).unwrap()).await;
    let mut calls = calls(0..40, 0);
    let other = log.put(&encode_calls(origin(0), &mut calls, 0).unwrap()).await;
    // Bytes of the right length; and an object of calls that is asked for rows.
    let length = object.bytes as usize;
    for foreign in [vec![0; length], b"PAR1".repeat(length).split_off(3 * length)] {
        fs::write(log.path(&object), foreign).unwrap();
        assert_eq!(ask(&log, &object).await.len(), 5);
    }
    assert_eq!(ask(&log, &other).await.len(), 5);
    assert!(log.reader.calls(&object, &CallFilter::default(), 0, 9).await.is_err());
}

#[tokio::test]
async fn a_reference_that_makes_no_sense_is_an_error() {
    let log = log();
    let mut rows = delivered(0..4, false);
    let object = log.put(&encode_rows(origin(0), &mut rows).unwrap()).await;
    for footer_bytes in [0, 7, object.footer_bytes - 1, object.bytes as u32 + 1, u32::MAX] {
        assert_eq!(ask(&log, &ObjectRef { footer_bytes, ..object.clone() }).await.len(), 5);
    }
    assert_eq!(ask(&log, &ObjectRef { bytes: u64::MAX, ..object.clone() }).await.len(), 5);
}
