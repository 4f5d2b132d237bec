use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::api::create_stream;
use crate::http::{Fate, Listener, router};
use crate::state::{Entry, Simulator, StoredRecord};
use crate::{Config, Error, FaultReport, Limits, Operation, Role, Rule, Session};

/// How long a stopping simulator waits for calls that it is just answering.
const DRAIN: Duration = Duration::from_secs(2);

/// Starts a simulator on the current tokio runtime.
///
/// # Errors
///
/// When it cannot listen on the configured address.
pub async fn start(config: Config) -> Result<Handle, Error> {
    let address = config.listen;
    let listen = |source| Error::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    let simulator = Arc::new(Simulator::new(&config));
    let service = router(Arc::clone(&simulator)).into_make_service_with_connect_info::<Fate>();
    let mut closing = simulator.closing.subscribe();
    let server = axum::serve(Listener(listener), service).with_graceful_shutdown(async move {
        // An error would mean that the sender is gone: the end as well.
        drop(closing.wait_for(|closing| *closing).await);
    });
    let server = tokio::spawn(async move {
        if let Err(error) = server.await {
            tracing::error!(%error, "the simulator stopped serving");
        }
    });
    Ok(Handle { simulator, address, endpoint: format!("http://{address}"), server })
}

/// A running simulator. Dropping it stops the simulator, without waiting.
#[derive(Debug)]
pub struct Handle {
    simulator: Arc<Simulator>,
    address: SocketAddr,
    endpoint: String,
    server: JoinHandle<()>,
}

impl Handle {
    /// `http://127.0.0.1:PORT`, for the endpoint setting of an SDK.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Creates a stream in provisioned mode.
    ///
    /// # Errors
    ///
    /// What Kinesis would refuse: a name that is taken or has odd characters, too many shards or none.
    pub fn create_stream(&self, name: &str, shards: u32) -> Result<(), Error> {
        create_stream(&self.simulator, name, shards)
    }

    /// Adds rules behind those that are there.
    pub fn faults(&self, rules: impl IntoIterator<Item = Rule>) {
        self.simulator.faults().add(rules);
    }

    pub fn clear_faults(&self) {
        self.simulator.faults().clear();
    }

    /// Each rule with the number of calls that it matched and on which it acted.
    #[must_use]
    pub fn fault_reports(&self) -> Vec<FaultReport> {
        self.simulator.faults().reports()
    }

    pub fn set_limits(&self, limits: Limits) {
        self.simulator.account().limits = limits;
    }

    /// Adds a role, or replaces the one of the same ARN.
    ///
    /// # Errors
    ///
    /// When the role is of another account, or its policies say something that the simulator cannot judge.
    pub fn put_role(&self, role: Role) -> Result<(), Error> {
        self.simulator.iam().put_role(role)
    }

    /// Says who uses an access key. Keys nobody told of belong to the root of the account.
    pub fn put_principal(&self, access_key_id: impl Into<String>, arn: impl Into<String>) {
        self.simulator.iam().put_principal(access_key_id.into(), arn.into());
    }

    /// The sessions that AssumeRole began, oldest first.
    #[must_use]
    pub fn sessions(&self) -> Vec<Session> {
        self.simulator.iam().sessions()
    }

    /// Brings the end of the sessions that there are nearer, as if time had passed.
    pub fn age_sessions(&self, by: Duration) {
        self.simulator.iam().age_sessions(by);
    }

    /// All that the stream accepted, in the order of arrival; nothing when there is no such stream.
    #[must_use]
    pub fn records(&self, stream: &str) -> Vec<StoredRecord> {
        let account = self.simulator.account();
        account.streams.get(stream).map(|stream| stream.records.iter().map(Entry::stored).collect()).unwrap_or_default()
    }

    /// How many records the stream accepted.
    #[must_use]
    pub fn record_count(&self, stream: &str) -> usize {
        count_records(&self.simulator, stream)
    }

    /// How many calls arrived, by operation, those that failed included.
    #[must_use]
    pub fn calls(&self) -> BTreeMap<Operation, u64> {
        self.simulator.calls()
    }

    /// How many calls of one operation arrived.
    #[must_use]
    pub fn calls_of(&self, operation: Operation) -> u64 {
        self.calls().get(&operation).copied().unwrap_or_default()
    }

    /// Waits until at least `count` calls of this operation arrived since the start.
    pub async fn wait_for_calls(&self, operation: Operation, count: u64) {
        let arrived = |simulator: &Simulator| simulator.calls().get(&operation).copied().unwrap_or_default();
        self.simulator.wait_until(|simulator| arrived(simulator) >= count).await;
    }

    /// Waits until the stream accepted at least `count` records, such as those of a delayed write.
    pub async fn wait_for_records(&self, stream: &str, count: usize) {
        self.simulator.wait_until(|simulator| count_records(simulator, stream) >= count).await;
    }

    /// Stops listening, resets the calls that hang, and waits a short time for those being answered.
    pub async fn shutdown(mut self) {
        self.simulator.closing.send_replace(true);
        if tokio::time::timeout(DRAIN, &mut self.server).await.is_err() {
            self.server.abort();
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.simulator.closing.send_replace(true);
    }
}

fn count_records(simulator: &Simulator, stream: &str) -> usize {
    simulator.account().streams.get(stream).map_or(0, |stream| stream.records.len())
}
