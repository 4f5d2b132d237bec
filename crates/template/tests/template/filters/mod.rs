//! Filters: what they make of values, and which calls they refuse.

mod exact;
mod own;
mod standard;
