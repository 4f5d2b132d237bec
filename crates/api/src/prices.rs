//! What AWS asks for the records of a run: the one place with prices, which the operator may set. They are those of us-east-1,
//! without tax and discounts.
//! A run causes no shard hours and no stream hours, so these are not in its cost.

use engine::aggregate::{FRAME_BYTES, RECORD_BYTES};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Prices in US dollars.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Prices {
    /// When these were true.
    pub as_of: String,
    /// Where they stand.
    pub source: String,
    /// Of provisioned streams, for a million PUT payload units: each record counts one for each 25 KiB that it has begun.
    pub million_payload_units: f64,
    /// Of on-demand standard, for a GiB written: each record counts as whole KiB.
    pub on_demand_gib: f64,
    /// Of on-demand advantage, for a GiB written. Whether AWS rounds records up there too is not known; it is assumed.
    pub advantage_gib: f64,
}

impl Default for Prices {
    fn default() -> Self {
        Self {
            as_of: "2026-03-09; payload units 2023".to_owned(),
            source: "https://aws.amazon.com/kinesis/data-streams/pricing".to_owned(),
            million_payload_units: 0.014,
            on_demand_gib: 0.08,
            advantage_gib: 0.032,
        }
    }
}

/// What a run put into the stream, as AWS counts it. What was put twice counts once.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SentVolume)]
pub(crate) struct Volume {
    pub(crate) records: u64,
    /// Data and partition keys.
    pub(crate) bytes: u64,
    /// 25 KiB each, of provisioned streams.
    pub(crate) payload_units: u64,
    /// With each record as whole KiB, of on-demand streams.
    pub(crate) billed_kib: u64,
    /// From averages, since there are too many rows to read each, or rows are not logged.
    pub(crate) estimated: bool,
}

/// What the records of a run cost in each mode of a stream, in US dollars: an estimate.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = RunCost)]
pub(crate) struct Cost {
    pub(crate) provisioned: f64,
    pub(crate) on_demand_standard: f64,
    pub(crate) on_demand_advantage: f64,
    pub(crate) prices: Prices,
}

/// What a worker counted of the records of a preview, one by one.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Billed {
    records: u64,
    bytes: u64,
    payload_units: u64,
    on_demand_bytes: u64,
}

impl From<Billed> for Volume {
    fn from(Billed { records, bytes, payload_units, on_demand_bytes }: Billed) -> Self {
        Self { records, bytes, payload_units, billed_kib: on_demand_bytes >> 10, estimated: false }
    }
}

const UNIT: u64 = 25 << 10;

impl Volume {
    pub(crate) const fn add(&mut self, bytes: u64) {
        self.records += 1;
        self.bytes += bytes;
        self.payload_units += if bytes == 0 { 1 } else { bytes.div_ceil(UNIT) };
        self.billed_kib += if bytes == 0 { 1 } else { bytes.div_ceil(1 << 10) };
    }

    /// As if each record had the average size.
    pub(crate) const fn of_average(records: u64, bytes: u64) -> Self {
        let each = if records == 0 { 0 } else { bytes.div_ceil(records) };
        let (units, kib) = (each.div_ceil(UNIT), each.div_ceil(1 << 10));
        Self { records, bytes, payload_units: records * units, billed_kib: records * kib, estimated: true }
    }

    /// As if messages shared records that are full: so many of them, with what each adds to its record.
    pub(crate) fn of_shared(messages: u64, bytes: u64) -> Self {
        if messages == 0 {
            return Self::default();
        }
        let (frame, each) = (FRAME_BYTES as u64, bytes.div_ceil(messages));
        let together = (RECORD_BYTES as u64 - frame).checked_div(each).unwrap_or(1).max(1);
        let (records, size) = (messages.div_ceil(together), together * each + frame);
        let (units, kib) = (size.div_ceil(UNIT), size.div_ceil(1 << 10));
        let bytes = bytes + records * frame;
        Self { records, bytes, payload_units: records * units, billed_kib: records * kib, estimated: true }
    }

    pub(crate) const fn plus(self, other: Self) -> Self {
        Self {
            records: self.records + other.records,
            bytes: self.bytes + other.bytes,
            payload_units: self.payload_units + other.payload_units,
            billed_kib: self.billed_kib + other.billed_kib,
            estimated: self.estimated || other.estimated,
        }
    }

    pub(crate) fn cost(&self, prices: &Prices) -> Cost {
        // Counts beyond 2^53 do not occur, and this is an estimate.
        let gib = self.billed_kib as f64 / f64::from(1 << 20);
        Cost {
            provisioned: self.payload_units as f64 / 1e6 * prices.million_payload_units,
            on_demand_standard: gib * prices.on_demand_gib,
            on_demand_advantage: gib * prices.advantage_gib,
            prices: prices.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_rounded_up_one_by_one() {
        let mut volume = Volume::default();
        for bytes in [1, 1_024, 1_025, 25_600, 25_601] {
            volume.add(bytes);
        }
        assert_eq!((volume.records, volume.bytes), (5, 53_251));
        assert_eq!((volume.payload_units, volume.billed_kib), (1 + 1 + 1 + 1 + 2, 1 + 1 + 2 + 25 + 26));
    }

    #[test]
    fn a_million_messages_that_share_records_cost_what_the_reference_says() {
        // 300 bytes, and what the format adds.
        let volume = Volume::of_shared(1_000_000, 334_000_000);
        let cost = volume.cost(&Prices::default());
        assert_eq!((volume.records, volume.payload_units), (13_158, 13_158));
        assert!((cost.on_demand_standard - 0.025).abs() < 0.0005, "{cost:?}");
        assert!((cost.provisioned - 0.0002).abs() < 0.00005, "{cost:?}");
        assert_eq!(Volume::of_shared(0, 0), Volume::default());
    }

    #[test]
    fn a_million_records_of_100_bytes_cost_what_the_reference_says() {
        let cost = Volume::of_average(1_000_000, 100_000_000).cost(&Prices::default());
        let near = |cost: f64, expected: f64| (cost - expected).abs() < 0.0005;
        assert!(near(cost.on_demand_standard, 0.076), "{cost:?}");
        assert!(near(cost.on_demand_advantage, 0.031), "{cost:?}");
        assert!(near(cost.provisioned, 0.014), "{cost:?}");
        assert_eq!(Volume::of_average(0, 0).cost(&Prices::default()).provisioned, 0.0);
    }
}
