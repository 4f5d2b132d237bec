//! Values that are never printed.

use std::fmt;

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Hidden(String);

impl Hidden {
    pub(crate) const fn new(text: String) -> Self {
        Self(text)
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

/// Whether the address of a database holds a password, in its user part or as a parameter.
pub(super) fn has_password(url: &str) -> bool {
    Parts::of(url).user.is_some_and(|user| user.contains([':', '='])) || url.to_lowercase().contains("password=")
}

/// The address for people: who, where and which database; no password, and no parameters, which may hold one too.
pub(super) fn redacted_url(url: &str) -> String {
    let Parts { scheme, user, place, parameters } = Parts::of(url);
    if user.is_some_and(|user| user.contains('=')) {
        return format!("{scheme}***@{place}");
    }
    let user = match user.map(|user| user.split_once(':').map_or((user, ""), |(name, _)| (name, ":***"))) {
        Some((name, password)) => format!("{name}{password}@"),
        None => String::new(),
    };
    let parameters = if parameters.is_empty() { "" } else { "?..." };
    format!("{scheme}{user}{place}{parameters}")
}

struct Parts<'a> {
    scheme: &'a str,
    user: Option<&'a str>,
    place: &'a str,
    parameters: &'a str,
}

impl<'a> Parts<'a> {
    /// Passwords with an unescaped `@`, `/` or `?` do occur: everything before the last `@` is taken for the user.
    fn of(url: &'a str) -> Self {
        let (scheme, rest) = url.find("://").map_or(("", url), |at| url.split_at(at + 3));
        let (user, rest) = rest.rsplit_once('@').map_or((None, rest), |(user, rest)| (Some(user), rest));
        let (place, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        Self { scheme, user, place, parameters }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p5_a_password_is_found_and_never_shown_wherever_it_stands() {
        for url in [
            "postgres://u:hush@host:5432/db",
            "postgres://u:hu/sh@host/db?sslmode=require",
            "postgres://u:hush?x@host/db",
            "postgres:///db?host=/run&user=u&password=hush",
            "postgres://u@host/db?sslpassword=hush",
            "postgres:///db?password=hush&user=a@b",
        ] {
            assert!(has_password(url), "{url}");
            let shown = redacted_url(url);
            assert!(!shown.contains("hush") && !shown.contains("hu/sh"), "{shown}");
        }
        assert!(!has_password("postgres://u@host/db?sslmode=require"));
        assert_eq!(redacted_url("postgres://u:hush@host/db?a=b"), "postgres://u:***@host/db?...");
        assert_eq!(redacted_url("postgres://u@host/db"), "postgres://u@host/db");
        assert_eq!(format!("{:?}", Hidden::new("hush".to_owned())), "(hidden)");
    }
}
