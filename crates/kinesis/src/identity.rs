//! As whom a client calls: for good, or in sessions of a role that follow one another.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future;
use aws_sdk_kinesis::config::{Credentials, ProvideCredentials};
use tokio::time::Instant;

use crate::error::Error;
use crate::failure::{Failure, Kind, RoleTrouble};
use crate::role::{RoleAccess, SESSION};
use crate::settings::Settings;
use crate::sts::{Ask, Sts};

/// How long an STS that gave no answer is left alone while the present session is good.
const PAUSE: Duration = Duration::from_secs(10);

#[derive(Debug, Clone)]
pub(crate) enum Identity {
    /// The SDK looks after it.
    Fixed,
    Role(Arc<AssumedRole>),
}

/// The right to make one call: the credentials that it is signed with are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    session: u64,
}

impl Identity {
    /// Makes sure of credentials, apart from the call that they are for: asking STS takes time, and its failures leave
    /// no doubt about a put.
    pub(crate) async fn ready(&self) -> Result<Ticket, Failure> {
        match self {
            Self::Fixed => Ok(Ticket { session: 0 }),
            Self::Role(role) => Ok(Ticket { session: role.session().await?.number }),
        }
    }

    pub(crate) fn answered(&self) {
        if let Self::Role(role) = self {
            role.expired_in_a_row.store(0, Ordering::Relaxed);
        }
    }

    /// Looks for the end of a session in a failure.
    pub(crate) fn judged(&self, ticket: Ticket, mut failure: Failure) -> Failure {
        if let Self::Role(role) = self
            && ["ExpiredTokenException", "ExpiredToken"].contains(&failure.code.as_str())
            && role.ended(ticket.session)
        {
            failure.kind = Kind::SessionEnded;
        }
        failure
    }
}

/// A role that is assumed when it is needed. It belongs to one client.
#[derive(Debug)]
pub(crate) struct AssumedRole {
    sts: Sts,
    access: RoleAccess,
    policy: String,
    state: Mutex<State>,
    /// Held by the one who asks STS.
    asking: tokio::sync::Mutex<()>,
    /// Sessions that were said to have expired, with no other answer between.
    expired_in_a_row: AtomicU32,
}

#[derive(Debug, Default)]
struct State {
    session: Option<Session>,
    begun: u64,
    /// When STS may be asked again, after it gave no answer.
    pause_until: Option<Instant>,
}

#[derive(Debug, Clone)]
struct Session {
    number: u64,
    credentials: Credentials,
    /// By our own clock: those of other machines do not matter.
    ends: Instant,
}

/// What there is at a moment.
enum Present {
    Good(Session),
    /// Good, and soon to be replaced.
    Aging(Session),
    Nothing,
}

impl AssumedRole {
    pub(crate) async fn new(settings: &Settings, access: &RoleAccess) -> Result<Self, Error> {
        access.check()?;
        Ok(Self {
            sts: Sts::new(settings, access).await?,
            policy: access.session_policy(&settings.region)?,
            access: access.clone(),
            state: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
            expired_in_a_row: AtomicU32::default(),
        })
    }

    async fn session(&self) -> Result<Session, Failure> {
        let _asking = match self.present() {
            Present::Good(session) => return Ok(session),
            // Someone else may be asking already.
            Present::Aging(session) => match self.asking.try_lock() {
                Ok(asking) => asking,
                Err(_) => return Ok(session),
            },
            Present::Nothing => self.asking.lock().await,
        };
        let old = match self.present() {
            Present::Good(session) => return Ok(session),
            Present::Aging(session) => Some(session),
            Present::Nothing => None,
        };
        let ends = Instant::now() + SESSION;
        match (self.ask().await, old) {
            (Ok(credentials), _) => Ok(self.begin(credentials, ends)),
            (Err(failure), Some(old)) if failure.kind == Kind::Role(RoleTrouble::Unavailable) => {
                tracing::warn!(%failure, "a session could not be replaced yet; the present one is used on");
                self.state().pause_until = Some(Instant::now() + PAUSE);
                Ok(old)
            }
            (Err(failure), _) => Err(failure),
        }
    }

    async fn ask(&self) -> Result<Credentials, Failure> {
        let ask = Ask {
            role_arn: &self.access.role_arn,
            session_name: &self.access.session_name,
            external_id: Some(&self.access.external_id),
            policy: &self.policy,
            seconds: SESSION.as_secs(),
        };
        self.sts.assume(&ask).await
    }

    fn present(&self) -> Present {
        let (state, now) = (self.state(), Instant::now());
        match &state.session {
            Some(session) if session.ends > now => {
                let soon = now + self.access.refresh_before >= session.ends;
                let paused = state.pause_until.is_some_and(|until| until > now);
                if soon && !paused { Present::Aging(session.clone()) } else { Present::Good(session.clone()) }
            }
            _ => Present::Nothing,
        }
    }

    fn begin(&self, credentials: Credentials, ends: Instant) -> Session {
        let mut state = self.state();
        state.begun += 1;
        let session = Session { number: state.begun, credentials, ends };
        state.session = Some(session.clone());
        state.pause_until = None;
        session
    }

    /// Forgets a session that AWS says has ended. False if that was said of the one before it too, as if each ended when
    /// it began: another one would not help.
    fn ended(&self, number: u64) -> bool {
        let mut state = self.state();
        if state.session.as_ref().is_some_and(|session| session.number == number) {
            state.session = None;
            return self.expired_in_a_row.fetch_add(1, Ordering::Relaxed) == 0;
        }
        true
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The present session, for the SDK to sign with.
#[derive(Debug)]
pub(crate) struct Sessions(pub(crate) Arc<AssumedRole>);

impl ProvideCredentials for Sessions {
    /// What `ready` made sure of. Nobody is asked here, within the time of a put.
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let session = self.0.state().session.clone();
        let none = || CredentialsError::provider_error("the session of the role has just ended");
        future::ProvideCredentials::ready(session.map(|session| session.credentials).ok_or_else(none))
    }
}
