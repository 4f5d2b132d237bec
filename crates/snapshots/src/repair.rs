//! Reading a whole snapshot to find what of it is damaged, so that a person can choose how to repair it.

use objects::Objects;

use crate::error::{Error, Result};
use crate::manifest::{Layer, Manifest};
use crate::segment::{Cursor, OpenLayer, Position, Step};
use crate::snapshot::FIRST_UNIT;

/// Everything was read and is what was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Verified {
    pub layers: usize,
    pub entries: u64,
    pub values: u64,
    pub bytes: u64,
}

/// A layer that cannot be read.
#[derive(Debug)]
pub struct Damage {
    /// Its place in the manifest.
    pub layer: usize,
    /// `Missing` or `Corrupt`; anything else says that the storage failed, not the segment.
    pub error: Error,
}

/// Reads every byte of every layer. A window that is still open is read as well.
pub async fn verify(objects: &Objects, manifest: &Manifest) -> Result<Verified, Vec<Damage>> {
    let (mut verified, mut damaged) = (Verified::default(), Vec::new());
    for (index, layer) in manifest.layers.iter().enumerate() {
        match verify_layer(objects, layer).await {
            Ok(values) => {
                verified.layers += 1;
                verified.entries += layer.segment.entries;
                verified.values += values;
                verified.bytes += layer.segment.bytes();
            }
            Err(error) => damaged.push(Damage { layer: index, error }),
        }
    }
    if damaged.is_empty() { Ok(verified) } else { Err(damaged) }
}

async fn verify_layer(objects: &Objects, layer: &Layer) -> Result<u64> {
    let mut layer = layer.clone();
    if layer.open() {
        // As if answered: then each entry names its value.
        let all = crate::Outcomes::all(engine::rules::Outcome::Unanswered, layer.segment.entries);
        layer.outcomes = Some(all);
    }
    let layers: std::sync::Arc<[OpenLayer]> = [OpenLayer::open(objects, &layer).await?].into();
    let segment = &layers[0].segment;
    let mut counts = Vec::with_capacity(segment.values.blocks.len());
    for block in 0..segment.values.blocks.len() {
        let values = segment.value_block(objects, block as u32).await?;
        if values.shapes().any(|shape| usize::from(shape) >= segment.shapes.len()) {
            return Err(Error::corrupt(&layer.segment.values.name, "a value has a shape that is not in its table"));
        }
        counts.push(values.len());
    }
    let known = |at: &Position| counts.get(at.block as usize).is_some_and(|count| usize::from(at.index) < *count);
    let mut cursor = Cursor::new(&layers, 0, FIRST_UNIT, None, 0);
    loop {
        match cursor.step()? {
            Step::End => return Ok(segment.values.values),
            Step::Load => cursor.load(objects).await?,
            Step::Entry(_) => {
                let effect = cursor.effect();
                if !effect.entry_value.iter().chain(&effect.mark_value).all(known) {
                    return Err(Error::corrupt(
                        &layer.segment.hashes.name,
                        "an entry points to a value that is not there",
                    ));
                }
            }
        }
    }
}
