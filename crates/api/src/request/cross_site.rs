use axum::http::header::{AUTHORIZATION, ORIGIN};
use axum::http::{HeaderMap, Method};

use crate::problem::{Code, Problem};

/// Refuses a change that a browser makes on behalf of another site (CSRF). What a browser says by `Sec-Fetch-Site`
/// decides; an old one says `Origin`; a client that says neither is not a browser, and nobody can make it send a cookie.
/// Requests with a Bearer token are exempt: a browser never adds one by itself.
pub(crate) fn check(method: &Method, headers: &HeaderMap, public_url: &str) -> Result<(), Problem> {
    if method.is_safe() || headers.contains_key(AUTHORIZATION) {
        return Ok(());
    }
    let origin = headers.get(ORIGIN);
    let is_ours = origin.is_some_and(|origin| origin.as_bytes() == origin_of(public_url).as_bytes());
    let fine = match headers.get("sec-fetch-site").map(|value| value.as_bytes()) {
        Some(b"same-origin" | b"none") => true,
        Some(_) => is_ours,
        None => origin.is_none() || is_ours,
    };
    let refused = || Problem::new(Code::CrossSite, "This change has to come from a page of this service itself.");
    fine.then_some(()).ok_or_else(refused)
}

fn origin_of(public_url: &str) -> &str {
    let host_at = public_url.find("://").map_or(0, |at| at + 3);
    let end = public_url[host_at..].find('/').map_or(public_url.len(), |at| host_at + at);
    &public_url[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_taken_from_our_own_pages_from_programs_and_with_a_token() {
        let accepted = |method: Method, given: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in given {
                headers.insert(*name, value.parse().unwrap());
            }
            check(&method, &headers, "https://rowcast.example/app").is_ok()
        };
        let ours = ("origin", "https://rowcast.example");
        let other = ("origin", "https://evil.example");
        assert!(accepted(Method::POST, &[]));
        assert!(accepted(Method::POST, &[("sec-fetch-site", "same-origin")]));
        assert!(accepted(Method::POST, &[("sec-fetch-site", "none")]));
        assert!(accepted(Method::POST, &[ours]));
        assert!(accepted(Method::POST, &[other, ("authorization", "Bearer x")]));
        assert!(accepted(Method::GET, &[other, ("sec-fetch-site", "cross-site")]));
        assert!(!accepted(Method::POST, &[("sec-fetch-site", "cross-site")]));
        assert!(!accepted(Method::DELETE, &[("sec-fetch-site", "same-site")]));
        assert!(!accepted(Method::PUT, &[other]));
        assert!(!accepted(Method::POST, &[("origin", "null")]));
        assert!(!accepted(Method::POST, &[("origin", "https://rowcast.example.evil.example")]));
    }
}
