use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts, Request};
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use uuid::Uuid;

use crate::Problem;

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const FORWARDED_FOR: &str = "x-forwarded-for";

/// Where a request comes from, and its id. An extractor for any handler.
#[derive(Debug, Clone)]
pub struct Client {
    pub address: IpAddr,
    /// Its own, if it is presentable, else one of ours.
    pub request_id: String,
    pub user_agent: Option<String>,
}

impl Client {
    pub(crate) fn of(request: &Request, trusted_proxy: bool) -> Self {
        let headers = request.headers();
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let forwarded = if trusted_proxy { forwarded_for(headers) } else { None };
        let agent = headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
        Self {
            address: forwarded.or(peer).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).to_canonical(),
            request_id: presentable_id(headers).unwrap_or_else(|| Uuid::now_v7().simple().to_string()),
            user_agent: agent.map(|text| text.chars().filter(|letter| !letter.is_control()).take(200).collect()),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Client {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get().cloned().ok_or_else(|| Problem::internal(MissingLayer("envelope")))
    }
}

/// A route was mounted past a layer that its handler needs.
#[derive(Debug, thiserror::Error)]
#[error("this route does not run within the layer `{0}`")]
pub(crate) struct MissingLayer(pub(crate) &'static str);

/// The last entry is the one that our proxy wrote; those before it are the client's word.
fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all(FORWARDED_FOR).iter().next_back()?.to_str().ok()?;
    let entry = last.rsplit(',').next()?.trim();
    let bare = entry.strip_prefix('[').and_then(|rest| rest.split(']').next());
    bare.unwrap_or(entry).parse().ok().or_else(|| entry.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

fn presentable_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let fine = |letter: u8| letter.is_ascii_alphanumeric() || b"._-".contains(&letter);
    ((1..=64).contains(&id.len()) && id.bytes().all(fine)).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn client(headers: &[(&'static str, &str)], trusted: bool) -> Client {
        let mut request = Request::new(Body::empty());
        for (name, value) in headers {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 7], 4000))));
        Client::of(&request, trusted)
    }

    #[test]
    fn only_what_a_trusted_proxy_wrote_last_counts_as_the_address() {
        let headers =
            [("x-forwarded-for", "203.0.113.9, 198.51.100.1"), ("x-forwarded-for", "203.0.113.8,198.51.100.2")];
        assert_eq!(client(&headers, false).address.to_string(), "192.0.2.7");
        assert_eq!(client(&headers, true).address.to_string(), "198.51.100.2");
        assert_eq!(client(&[("x-forwarded-for", "[2001:db8::1]:80")], true).address.to_string(), "2001:db8::1");
        assert_eq!(client(&[("x-forwarded-for", "198.51.100.3:80")], true).address.to_string(), "198.51.100.3");
        assert_eq!(client(&[("x-forwarded-for", "unknown")], true).address.to_string(), "192.0.2.7");
    }

    #[test]
    fn a_request_id_that_could_confuse_a_log_is_replaced() {
        assert_eq!(client(&[("x-request-id", "a.B_c-1")], false).request_id, "a.B_c-1");
        for odd in ["a b", "", "a\tb", "{\"x\":1}", &"x".repeat(65)] {
            assert_ne!(client(&[("x-request-id", odd)], false).request_id, odd);
        }
    }
}
