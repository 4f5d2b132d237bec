#![doc = include_str!("../README.md")]

pub mod access;
mod app;
mod auth;
mod clock;
mod docs;
mod explain;
mod extract;
mod openapi;
mod prices;
mod problem;
mod request;
mod router;
mod routes;
mod settings;
mod ui;

pub use app::App;
pub use auth::{Caller, KeyText, Password, SignedIn};
pub use prices::Prices;
pub use problem::{Code, Fault, Problem};
pub use request::{Client, MatchedOperation};
pub use router::{openapi, router};
pub use settings::{Rate, Rates, Settings, SignUp};
