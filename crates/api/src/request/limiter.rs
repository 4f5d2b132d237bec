use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest, Sha256};

use crate::problem::{Code, Problem};
use crate::settings::Rate;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// A token bucket for each client, kept as one moment: when its bucket will be full again (the generic cell rate
/// algorithm).
#[derive(Debug)]
pub(crate) struct Limiter {
    name: &'static str,
    rate: Rate,
    full_at: Mutex<HashMap<u128, Instant>>,
}

/// What one request did to a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spent {
    name: &'static str,
    rate: Rate,
    pub(crate) allowed: bool,
    pub(crate) remaining: u32,
    full_in: Duration,
    retry_in: Duration,
}

impl Limiter {
    pub(crate) fn new(name: &'static str, rate: Rate) -> Self {
        let rate = Rate { requests: rate.requests.max(1), seconds: rate.seconds.max(1) };
        Self { name, rate, full_at: Mutex::default() }
    }

    pub(crate) fn spend(&self, client: u128) -> Spent {
        self.spend_at(client, Instant::now())
    }

    /// Takes one request out of the client's bucket, if one is left.
    fn spend_at(&self, client: u128, now: Instant) -> Spent {
        let whole = Duration::from_secs(u64::from(self.rate.seconds));
        let one = whole / self.rate.requests;
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        forget_the_full(&mut full_at, now);
        let before = full_at.get(&client).copied().unwrap_or(now).max(now);
        let after = before + one;
        let allowed = after - now <= whole;
        if allowed {
            full_at.insert(client, after);
        }
        let full_in = if allowed { after - now } else { before - now };
        let left = (whole.saturating_sub(full_in).as_nanos() / one.as_nanos().max(1)).try_into().unwrap_or(u32::MAX);
        let retry_in = if allowed { Duration::ZERO } else { (after - now) - whole };
        Spent { name: self.name, rate: self.rate, allowed, remaining: left, full_in, retry_in }
    }
}

impl Spent {
    /// The headers of draft-ietf-httpapi-ratelimit-headers. Each policy adds its own line.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        let Rate { requests, seconds } = self.rate;
        let policy = format!("\"{}\";q={requests};w={seconds}", self.name);
        let limit = format!("\"{}\";r={};t={}", self.name, self.remaining, seconds_up(self.full_in));
        for (name, text) in [(POLICY, policy), (LIMIT, limit)] {
            if let Ok(value) = HeaderValue::from_str(&text) {
                headers.append(name, value);
            }
        }
    }

    pub(crate) fn check(&self) -> Result<(), Problem> {
        if self.allowed {
            return Ok(());
        }
        let wait = seconds_up(self.retry_in).max(1);
        let detail = format!("The limit `{}` is used up. Try again in {wait} s.", self.name);
        Err(Problem::new(Code::RateLimited, detail).retry_after(wait))
    }
}

/// The client of an address: an IPv6 network of 64 bits is one.
pub(crate) fn of_address(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits() & !u128::from(u64::MAX),
    }
}

/// The client of a text, such as an e-mail address.
pub(crate) fn of_text(text: &str) -> u128 {
    let hash = Sha256::digest(text.as_bytes());
    hash.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte))
}

/// Full buckets are those of clients that we need not know. Looks at all of them at each doubling only.
fn forget_the_full(full_at: &mut HashMap<u128, Instant>, now: Instant) {
    if full_at.len() >= 1024 && full_at.len() == full_at.capacity() {
        full_at.retain(|_, moment| *moment > now);
    }
}

fn seconds_up(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_its_requests_at_once_and_then_one_at_a_time() {
        let limiter = Limiter::new("test", Rate { requests: 3, seconds: 60 });
        let start = Instant::now();
        let remaining: Vec<_> = (0..3).map(|_| limiter.spend_at(1, start).remaining).collect();
        assert_eq!(remaining, [2, 1, 0]);
        let refused = limiter.spend_at(1, start);
        assert!(!refused.allowed && refused.remaining == 0);
        assert_eq!(refused.retry_in, Duration::from_secs(20));
        assert!(limiter.spend_at(2, start).allowed, "another client has a bucket of its own");
        assert!(!limiter.spend_at(1, start + Duration::from_secs(19)).allowed);
        assert!(limiter.spend_at(1, start + Duration::from_secs(20)).allowed);
        assert!(!limiter.spend_at(1, start + Duration::from_secs(21)).allowed);
        assert_eq!(limiter.spend_at(1, start + Duration::from_secs(600)).remaining, 2);
    }

    #[test]
    fn the_headers_tell_policy_and_rest() {
        let mut headers = HeaderMap::new();
        Limiter::new("address", Rate { requests: 10, seconds: 60 }).spend(7).tell(&mut headers);
        assert_eq!(headers[POLICY], "\"address\";q=10;w=60");
        assert_eq!(headers[LIMIT], "\"address\";r=9;t=6");
    }

    #[test]
    fn a_network_of_ipv6_is_one_client_and_a_mapped_address_is_that_of_ipv4() {
        let client = |text: &str| of_address(text.parse().unwrap());
        assert_eq!(client("2001:db8::1"), client("2001:db8::ffff:2"));
        assert_ne!(client("2001:db8::1"), client("2001:db8:0:1::1"));
        assert_eq!(client("::ffff:192.0.2.1"), client("192.0.2.1"));
    }

    #[test]
    fn full_buckets_are_forgotten() {
        let limiter = Limiter::new("test", Rate { requests: 1, seconds: 1 });
        let start = Instant::now();
        for client in 0..100_000_u128 {
            limiter.spend_at(client, start + Duration::from_millis(client.try_into().unwrap()));
        }
        assert!(limiter.full_at.lock().unwrap().len() < 5_000);
    }
}
