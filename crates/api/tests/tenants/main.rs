//! No workspace gets at another's data: every operation of the OpenAPI document, asked for by everybody who must not get
//! through, and by everybody who must. What is expected follows from `access::OPERATIONS` alone. A new operation needs a case in
//! `cases.rs`, a new parameter or table a value in `place.rs`; without one these tests fail.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what fails in a test stops it")]

mod ask;
mod cases;
#[path = "../api/configured.rs"]
#[expect(dead_code, reason = "the other tests use the rest")]
mod configured;
#[path = "../api/fixture.rs"]
#[expect(dead_code, reason = "the other tests use the rest")]
mod fixture;
mod foreign;
#[path = "../api/logged.rs"]
mod logged;
mod own;
mod place;
