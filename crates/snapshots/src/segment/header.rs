//! The header of either object: which segment it belongs to, and (values) the table of shapes.

use std::sync::Arc;

use domain::{Column, SyncId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::bytes::Take;
use crate::name::{Part, SegmentIdentity, SegmentKind};

pub const FORMAT_VERSION: u16 = 1;

pub(crate) const MAGIC: [u8; 8] = *b"\x93RCSEG\r\n";
pub(crate) const END: [u8; 8] = *b"\x93RCEND\r\n";

/// Which columns the bytes of a value hold, in order.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shape {
    /// Of its key.
    pub key: Vec<Column>,
    /// Of its row: the columns that were kept. Empty where only hashes are kept.
    pub columns: Vec<Column>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Header {
    pub(crate) identity: SegmentIdentity,
    pub(crate) part: Part,
    pub(crate) shapes: Vec<Arc<Shape>>,
}

impl Header {
    pub(crate) fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        let SegmentIdentity { sync, epoch, number, kind } = self.identity;
        let shapes: Vec<&Shape> = self.shapes.iter().map(Arc::as_ref).collect();
        let table = match self.part {
            Part::Hashes => Vec::new(),
            Part::Values => serde_json::to_vec(&shapes)?,
        };
        let mut out = MAGIC.to_vec();
        out.extend(FORMAT_VERSION.to_be_bytes());
        out.push(match self.part {
            Part::Hashes => 1,
            Part::Values => 2,
        });
        out.push(match kind {
            SegmentKind::Window => 1,
            SegmentKind::Delta => 2,
        });
        out.extend(sync.uuid().as_bytes());
        out.extend(epoch.to_be_bytes());
        out.extend(number.to_be_bytes());
        out.extend((table.len() as u32).to_be_bytes());
        out.extend(table);
        Ok(out)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, String> {
        let mut take = Take(bytes);
        if take.array() != Some(MAGIC) {
            return Err("it does not begin like a segment".to_owned());
        }
        match take.u16() {
            Some(FORMAT_VERSION) => {}
            version => return Err(format!("its format version is {version:?}, and {FORMAT_VERSION} is understood")),
        }
        let (identity, part, table) = fields(&mut take).ok_or("its header is not well-formed")?;
        let shapes = match part {
            Part::Hashes if table.is_empty() => Vec::new(),
            Part::Hashes => return Err("its header has a table of shapes, which belongs to values".to_owned()),
            Part::Values => {
                serde_json::from_slice(table).map_err(|error| format!("its table of shapes does not parse: {error}"))?
            }
        };
        if !take.done() {
            return Err("its header is longer than it says".to_owned());
        }
        Ok(Self { identity, part, shapes: shapes.into_iter().map(Arc::new).collect() })
    }
}

fn fields<'a>(take: &mut Take<'a>) -> Option<(SegmentIdentity, Part, &'a [u8])> {
    let part = match take.u8()? {
        1 => Part::Hashes,
        2 => Part::Values,
        _ => return None,
    };
    let kind = match take.u8()? {
        1 => SegmentKind::Window,
        2 => SegmentKind::Delta,
        _ => return None,
    };
    let sync = SyncId::from_uuid(Uuid::from_bytes(take.array()?));
    let (epoch, number) = (take.u64()?, take.u32()?);
    let table = take.u32()?;
    let table = take.bytes(table as usize)?;
    Some((SegmentIdentity { sync, epoch, number, kind }, part, table))
}
