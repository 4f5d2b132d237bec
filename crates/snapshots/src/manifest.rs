//! The list of layers that makes a snapshot. It is kept by the control plane; this is its form there.

use domain::Millis;
use serde::{Deserialize, Serialize};

use crate::outcomes::Outcomes;
use crate::segment::SegmentRef;

/// The layers of a snapshot, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub layers: Vec<Layer>,
}

/// A segment of a snapshot and, for a window, what became of its records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    pub segment: SegmentRef,
    /// `None` for a segment of deltas, and for a window that is still open: such a one cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcomes: Option<Outcomes>,
    /// When the puts of a window have settled; says nothing of a segment of deltas.
    #[serde(default)]
    pub settles_at: Millis,
}

impl Layer {
    /// A layer of a segment of deltas.
    pub const fn delta(segment: SegmentRef) -> Self {
        Self { segment, outcomes: None, settles_at: 0 }
    }

    /// A layer of a window that has been closed.
    pub const fn window(segment: SegmentRef, outcomes: Outcomes, settles_at: Millis) -> Self {
        Self { segment, outcomes: Some(outcomes), settles_at }
    }

    /// A window whose outcomes are not known yet.
    pub fn open(&self) -> bool {
        self.segment.kind == crate::SegmentKind::Window && self.outcomes.is_none()
    }
}

impl Manifest {
    /// The names of all objects that it needs.
    pub fn objects(&self) -> impl Iterator<Item = &str> {
        self.layers.iter().flat_map(|layer| layer.segment.objects())
    }
}
