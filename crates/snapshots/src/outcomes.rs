//! The outcomes of a window: one for each entry of its segment, in the segment's order, as runs of equal ones.
//!
//! As bytes: the version (1), then for each run one number as LEB128: the outcome's byte in its lowest 3 bits, how many
//! entries have it above them.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use engine::rules::Outcome;
use serde::{Deserialize, Serialize};

const VERSION: u8 = 1;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcomes {
    runs: Arc<Vec<(Outcome, u64)>>,
    len: u64,
}

#[derive(Debug, thiserror::Error)]
#[error("these bytes are not the outcomes of a window: {0}")]
pub struct OutcomesError(&'static str);

impl Outcomes {
    /// The same outcome for each entry; `Unanswered` closes the window of a dead attempt.
    pub fn all(outcome: Outcome, entries: u64) -> Self {
        let runs = if entries == 0 { Vec::new() } else { vec![(outcome, entries)] };
        Self { runs: Arc::new(runs), len: entries }
    }

    pub const fn len(&self) -> u64 {
        self.len
    }

    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn iter(&self) -> impl Iterator<Item = Outcome> {
        self.cursor(0)
    }

    /// How many of them are such.
    pub fn count(&self, such: impl Fn(Outcome) -> bool) -> u64 {
        self.runs.iter().filter(|(outcome, _)| such(*outcome)).map(|(_, count)| count).sum()
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        for (outcome, count) in self.runs.iter() {
            let mut number = u128::from(*count) << 3 | *outcome as u128;
            while number >= 0x80 {
                out.push(number as u8 | 0x80);
                number >>= 7;
            }
            out.push(number as u8);
        }
        out
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Self, OutcomesError> {
        let Some((&VERSION, mut rest)) = bytes.split_first() else {
            return Err(OutcomesError("their version is not known"));
        };
        let (mut runs, mut len) = (Vec::new(), 0_u64);
        while !rest.is_empty() {
            let number = take_number(&mut rest).ok_or(OutcomesError("a run is cut"))?;
            let outcome = Outcome::from_byte(number as u8 & 7).ok_or(OutcomesError("an outcome is not known"))?;
            let count = u64::try_from(number >> 3).map_err(|_| OutcomesError("a run is too long"))?;
            len = len.checked_add(count).ok_or(OutcomesError("there are too many"))?;
            push(&mut runs, outcome, count);
        }
        Ok(Self { runs: Arc::new(runs), len })
    }

    /// Outcomes from an entry on.
    pub(crate) fn cursor(&self, skip: u64) -> OutcomeCursor {
        let mut cursor = OutcomeCursor { runs: Arc::clone(&self.runs), run: 0, used: skip };
        while cursor.runs.get(cursor.run).is_some_and(|(_, count)| *count <= cursor.used) {
            cursor.used -= cursor.runs[cursor.run].1;
            cursor.run += 1;
        }
        cursor
    }
}

impl FromIterator<Outcome> for Outcomes {
    fn from_iter<I: IntoIterator<Item = Outcome>>(outcomes: I) -> Self {
        let (mut runs, mut len) = (Vec::new(), 0);
        for outcome in outcomes {
            push(&mut runs, outcome, 1);
            len += 1;
        }
        Self { runs: Arc::new(runs), len }
    }
}

impl Serialize for Outcomes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(self.to_bytes()))
    }
}

impl<'de> Deserialize<'de> for Outcomes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let bytes = BASE64.decode(text.as_bytes()).map_err(serde::de::Error::custom)?;
        Self::from_bytes(&bytes).map_err(serde::de::Error::custom)
    }
}

pub(crate) struct OutcomeCursor {
    runs: Arc<Vec<(Outcome, u64)>>,
    run: usize,
    used: u64,
}

impl Iterator for OutcomeCursor {
    type Item = Outcome;

    fn next(&mut self) -> Option<Outcome> {
        let (outcome, count) = *self.runs.get(self.run)?;
        self.used += 1;
        if self.used == count {
            (self.run, self.used) = (self.run + 1, 0);
        }
        Some(outcome)
    }
}

fn push(runs: &mut Vec<(Outcome, u64)>, outcome: Outcome, count: u64) {
    match runs.last_mut() {
        _ if count == 0 => {}
        Some((last, run)) if *last == outcome => *run += count,
        _ => runs.push((outcome, count)),
    }
}

fn take_number(bytes: &mut &[u8]) -> Option<u128> {
    let mut number = 0;
    for shift in (0..70).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u128::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn outcome() -> impl Strategy<Value = Outcome> {
        (0_u8..5).prop_map(|byte| Outcome::from_byte(byte).unwrap())
    }

    proptest! {
        #[test]
        fn outcomes_survive_their_bytes_and_can_be_entered_anywhere(
            runs in proptest::collection::vec((outcome(), 0_usize..300), 0..20), skip in 0_usize..1000,
        ) {
            let plain: Vec<Outcome> = runs.iter().flat_map(|(outcome, count)| vec![*outcome; *count]).collect();
            let outcomes: Outcomes = plain.iter().copied().collect();
            prop_assert_eq!(outcomes.len(), plain.len() as u64);
            prop_assert_eq!(&Outcomes::from_bytes(&outcomes.to_bytes()).unwrap(), &outcomes);
            let skip = skip.min(plain.len());
            prop_assert_eq!(outcomes.cursor(skip as u64).collect::<Vec<_>>(), &plain[skip..]);
        }

        #[test]
        fn bytes_that_are_no_outcomes_are_refused_or_read_but_never_a_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            if let Ok(outcomes) = Outcomes::from_bytes(&bytes) {
                prop_assert_eq!(&Outcomes::from_bytes(&outcomes.to_bytes()).unwrap(), &outcomes);
            }
        }
    }

    #[test]
    fn a_window_of_one_outcome_takes_a_few_bytes() {
        assert_eq!(Outcomes::all(Outcome::Acknowledged, 50_000).to_bytes().len(), 4);
        assert_eq!(Outcomes::all(Outcome::Unanswered, 0), Outcomes::default());
        assert!(Outcomes::from_bytes(&[]).is_err());
        assert!(Outcomes::from_bytes(&[2]).is_err());
    }
}
