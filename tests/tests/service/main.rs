//! The service as its users and operators have it: real processes of the program, a database, a simulated AWS, customers who
//! come over HTTP. `world/` puts it together; see there first.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that cannot go on fails, and tells"
)]

mod bucket;
mod canary;
mod curl;
mod exports;
mod fairness;
mod preview_draft;
mod resend;
mod restore;
mod schemathesis;
mod soak;
mod stopping;
mod survival;
mod works;
mod world;
