//! The layers of a snapshot: as the store lists them, and as they are read.

use std::sync::Arc;

use domain::{Millis, SyncId};
use engine::rules::{Epoch, Outcome};
use snapshots::{Layer, Manifest, Outcomes, SegmentRef};
use store::{LayerRef, Scope, WindowState};

use crate::Error;

/// Both views of a manifest, in step.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layers {
    pub(crate) refs: Vec<LayerRef>,
    pub(crate) manifest: Manifest,
}

pub(crate) async fn read(scope: &Scope, sync: SyncId) -> Result<Layers, Error> {
    scope.manifest(sync).await?.map_or_else(|| Ok(Layers::default()), |stored| from_store(&stored))
}

pub(crate) fn from_store(stored: &store::Manifest) -> Result<Layers, Error> {
    let mut layers = Layers::default();
    for layer in &stored.layers {
        layers.refs.push(layer.to_ref());
        layers.manifest.layers.push(match layer {
            store::Layer::Segment(segment) => Layer::delta(segment_ref(segment)?),
            store::Layer::Window(window) => {
                let segment = segment_ref(&window.segment)?;
                match &window.state {
                    WindowState::Open => Layer { segment, outcomes: None, settles_at: 0 },
                    WindowState::Checkpointed { outcomes, settles_at } => {
                        Layer::window(segment, decode(outcomes)?, *settles_at)
                    }
                    WindowState::Dead { settles_at } => {
                        let outcomes = Outcomes::all(Outcome::Unanswered, segment.entries);
                        Layer::window(segment, outcomes, *settles_at)
                    }
                }
            }
        });
    }
    Ok(layers)
}

impl Layers {
    /// As a claim would leave it: every entry of an open window unanswered. After a claim nothing is open.
    pub(crate) fn claimed(mut self, settles_at: Millis) -> Self {
        for layer in self.manifest.layers.iter_mut().filter(|layer| layer.open()) {
            layer.outcomes = Some(Outcomes::all(Outcome::Unanswered, layer.segment.entries));
            layer.settles_at = settles_at;
        }
        self
    }

    /// Only those that were written from an epoch on.
    pub(crate) fn since(self, epoch: Epoch) -> Self {
        let (layers, refs) =
            self.manifest.layers.into_iter().zip(self.refs).filter(|(layer, _)| layer.segment.epoch >= epoch).unzip();
        Self { refs, manifest: Manifest { layers } }
    }
}

pub(crate) fn to_json(segment: &SegmentRef) -> Result<serde_json::Value, Error> {
    serde_json::to_value(segment).map_err(|source| Error::Manifest(Arc::new(source)))
}

pub(crate) fn segment_ref(stored: &serde_json::Value) -> Result<SegmentRef, Error> {
    serde_json::from_value(stored.clone()).map_err(|source| Error::Manifest(Arc::new(source)))
}

fn decode(bytes: &[u8]) -> Result<Outcomes, Error> {
    let known = bytes.iter().map(|byte| Outcome::from_byte(*byte)).collect::<Option<Outcomes>>();
    known.ok_or_else(|| Error::Outcomes)
}
