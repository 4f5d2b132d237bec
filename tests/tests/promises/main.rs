//! What Rowcast promises, case by case, over a real PostgreSQL and the real AWS SDK. The name of a test begins with the promise
//! of the design that it argues for.

mod configuration;
mod connections;
mod damage;
mod guards;
mod messages;
mod named;
mod preview;
mod rejections;
mod resources;
mod special_runs;
