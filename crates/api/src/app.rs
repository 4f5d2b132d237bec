use std::sync::Arc;

use store::Store;
use tokio_util::sync::CancellationToken;

use crate::auth::Passwords;
use crate::request::{Limiter, OpenStreams};
use crate::{Rate, Settings, routes};

/// What every request works with. Cheap to clone.
#[derive(Debug, Clone)]
pub struct App {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: Settings,
    store: Store,
    passwords: Passwords,
    limits: Limits,
    streams: OpenStreams,
    /// This process stops: answers that stay open end.
    stopping: CancellationToken,
}

/// In memory: each process counts for itself.
#[derive(Debug)]
pub(crate) struct Limits {
    pub(crate) address: Limiter,
    pub(crate) attempts: Limiter,
    pub(crate) account: Limiter,
    pub(crate) credential: Limiter,
    pub(crate) workspace: Limiter,
}

impl App {
    /// `store`: connected as `Access::App`.
    pub fn new(settings: Settings, store: Store) -> Self {
        let passwords = Passwords::new(settings.password_slots, settings.password_wait);
        let limiter = |name: &'static str, rate: Rate| Limiter::new(name, rate);
        let limits = Limits {
            address: limiter("address", settings.rates.address),
            attempts: limiter("attempts", settings.rates.attempts),
            account: limiter("account", settings.rates.account),
            credential: limiter("credential", settings.rates.credential),
            workspace: limiter("workspace", settings.rates.workspace),
        };
        let streams = OpenStreams::new(settings.open_streams);
        Self {
            shared: Arc::new(Shared {
                settings,
                store,
                passwords,
                limits,
                streams,
                stopping: CancellationToken::new(),
            }),
        }
    }

    /// Ends streams of events at once, so that nobody who stops this process waits for them; who watches connects again.
    pub fn end_streams(&self) {
        self.shared.stopping.cancel();
    }

    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// For the operator, who may make a link for a new password for anybody: `None` if nobody has this e-mail address.
    pub async fn password_reset_link(&self, email: &str) -> Result<Option<String>, store::Error> {
        routes::reset_link(self, email).await
    }

    pub(crate) fn passwords(&self) -> &Passwords {
        &self.shared.passwords
    }

    pub(crate) fn streams(&self) -> &OpenStreams {
        &self.shared.streams
    }

    pub(crate) fn stopping(&self) -> &CancellationToken {
        &self.shared.stopping
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.shared.limits
    }
}
