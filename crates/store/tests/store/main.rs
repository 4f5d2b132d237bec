mod checkpoints;
mod claims;
mod configuration;
mod fixture;
mod lost_commits;
mod proxy;
mod rejections;
mod runs;
