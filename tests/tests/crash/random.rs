//! Chance that can be repeated.

/// The numbers of a seed.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// From `ROWCAST_SEED`, or a new one. It is shown, so that a failure can be repeated as far as timing allows.
    #[expect(clippy::disallowed_methods, reason = "tests are told by the environment what to do")]
    pub(crate) fn new(what: &str) -> Self {
        let given = std::env::var("ROWCAST_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| {
            let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
            since.as_nanos() as u64
        });
        eprintln!("{what}: ROWCAST_SEED={seed}");
        Self(seed)
    }

    /// Less than `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }

    pub(crate) fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }
}
