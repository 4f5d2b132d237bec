//! What tokio-postgres reports becomes an error that says what to do.

use std::error::Error as _;
use std::io;

use tokio_postgres::error::ErrorPosition;

use super::settings::Settings;
use crate::error::{Error, Place, ServerError};

type Cause = tokio_postgres::Error;

/// The user's text within a statement that is sent: errors point into it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'a> {
    pub(super) text: &'a str,
    /// How many characters of ours stand before it.
    pub(super) offset: usize,
}

/// While connecting: everything up to being let in.
pub(super) fn connecting(settings: &Settings, cause: Cause) -> Error {
    if let Some(state) = cause.code().map(|state| state.code().to_owned()) {
        let reason = cause.as_db_error().map(|error| error.message().to_owned()).unwrap_or_default();
        return match state.as_str() {
            "28000" | "28P01" => Error::Authentication { user: settings.user.clone(), reason, source: cause },
            "3D000" => Error::NoSuchDatabase { database: settings.database.clone(), source: cause },
            _ => server(cause, None),
        };
    }
    let address = settings.address();
    if let Some(rustls::Error::InvalidCertificate(reason)) = tls_error(&cause) {
        return Error::Certificate { address, reason: reason.to_string(), source: cause };
    }
    let reason = deepest(&cause);
    match cause.to_string().as_str() {
        _ if reason == "server does not support TLS" => Error::TlsNotOffered { address },
        text if text.contains("TLS") => Error::Tls { address, reason, source: cause },
        text if text.contains("authentication") || text.contains("configuration") => {
            Error::Authentication { user: settings.user.clone(), reason, source: cause }
        }
        _ => Error::Broken { reason, source: Some(cause) },
    }
}

/// A service does not tell whoever names a host which ports there are closed or silent, nor which names lead to addresses
/// that are refused. What is told is what a server of PostgreSQL says: refusals to log in, certificates, and that it has
/// no TLS, which is also how another program looks that answers something. Time is not hidden: a closed port is known
/// sooner than a silent one.
pub(super) fn discreet(settings: &Settings, error: Error) -> Error {
    let said = matches!(&error, Error::Broken { source: Some(cause), .. } if cause.as_db_error().is_some());
    match error {
        Error::Unreachable { .. } | Error::Timeout { .. } | Error::Broken { .. } | Error::Tls { .. }
            if !settings.egress.is_open() && !said =>
        {
            tracing::debug!(%error, "a source was not reached");
            Error::NotReached { address: settings.address() }
        }
        other => other,
    }
}

/// Once connected. `text`: what the server was given to read, if it is the user's.
pub(super) fn server(cause: Cause, text: Option<Text<'_>>) -> Error {
    let Some(error) = cause.as_db_error() else {
        return Error::Broken { reason: deepest(&cause), source: Some(cause) };
    };
    let state = error.code().code().to_owned();
    let said = ServerError {
        sqlstate: state.clone(),
        message: error.message().to_owned(),
        detail: error.detail().map(str::to_owned),
        hint: error.hint().map(str::to_owned),
        place: text.and_then(|text| Some(Place::of(text.text, character(error.position()?, text)?))),
        source: cause,
    };
    let said = Box::new(said);
    match state.as_str() {
        "42501" => Error::Permission(said),
        // The latter waited too long for a lock.
        "57014" | "55P03" => Error::Canceled(said),
        // Broken off by the server: shutdown, crash, a dropped database, an administrator.
        "57P01" | "57P02" | "57P03" | "57P04" | "57P05" => {
            Error::Broken { reason: said.message.clone(), source: Some(said.source) }
        }
        _ if text.is_some() => Error::Query(said),
        _ => Error::Server(said),
    }
}

/// The character of the user's text that a syntax error points to.
pub(super) fn syntax_error_at(cause: &Cause, text: Text<'_>) -> Option<usize> {
    let error = cause.as_db_error().filter(|error| error.code().code() == "42601")?;
    character(error.position()?, text)
}

fn character(position: &ErrorPosition, text: Text<'_>) -> Option<usize> {
    match position {
        ErrorPosition::Original(position) => {
            let at = usize::try_from(*position).ok()?.checked_sub(1)?.checked_sub(text.offset)?;
            (at <= text.text.chars().count()).then_some(at)
        }
        // Within a function that the text calls.
        ErrorPosition::Internal { .. } => None,
    }
}

fn tls_error(cause: &Cause) -> Option<&rustls::Error> {
    cause.source()?.downcast_ref::<io::Error>()?.get_ref()?.downcast_ref::<rustls::Error>()
}

fn deepest(cause: &Cause) -> String {
    let mut text = cause.to_string();
    let mut next = cause.source();
    while let Some(error) = next {
        text = error.to_string();
        next = error.source();
    }
    text
}
