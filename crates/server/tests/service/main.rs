//! The service as a process: what it refuses to start with, and its life from the first start to a drain.

mod life;
mod process;
mod refusals;
