//! The PostgreSQL source against a real server.

mod common;
mod connect;
mod describe;
mod read;
mod tls;
mod types;
