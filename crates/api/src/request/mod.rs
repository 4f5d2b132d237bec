//! What happens to every request before its handler, and to every answer after it. From the outside in: `envelope`,
//! routing, `gate`, `idempotency`, `not_modified`, the handler.

mod client;
mod cross_site;
mod envelope;
mod gate;
mod idempotency;
mod limiter;
mod not_modified;
mod streams;

pub use client::Client;
pub(crate) use client::MissingLayer;
pub(crate) use envelope::envelope;
pub use gate::MatchedOperation;
pub(crate) use gate::{Gate, METHOD_NOT_ALLOWED, gate};
pub(crate) use idempotency::{KeptInstead, supported as takes_idempotency_key};
pub(crate) use limiter::{Limiter, of_text};
pub(crate) use not_modified::not_modified;
pub(crate) use streams::{OpenStream, OpenStreams};

/// A length of time as the store takes it.
pub(crate) fn millis(time: std::time::Duration) -> domain::Millis {
    domain::Millis::try_from(time.as_millis()).unwrap_or(domain::Millis::MAX)
}
