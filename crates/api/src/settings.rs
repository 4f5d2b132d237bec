//! What the operator decides, as plain data.

use std::time::Duration;

use domain::WorkspaceId;

#[derive(Debug, Clone)]
pub struct Settings {
    pub sign_up: SignUp,
    /// Where browsers reach the service, as `https://rowcast.example`, without a slash at the end: links begin with it,
    /// and changes that a browser makes have to come from there.
    pub public_url: String,
    /// Clients come through one proxy of ours, which appends their address to `X-Forwarded-For`. Without one, that
    /// header is what anybody may write, and is ignored.
    pub trusted_proxy: bool,
    pub rates: Rates,
    pub body_limit: usize,
    pub request_timeout: Duration,
    pub session_lifetime: Duration,
    pub invitation_lifetime: Duration,
    pub reset_lifetime: Duration,
    /// Passwords that are hashed at once; each takes 19 MiB.
    pub password_slots: usize,
    /// How long a sign-in waits for its turn before it is told that the service is busy.
    pub password_wait: Duration,
    /// What users let into their roles: the ARN of the principal that the workers act as.
    pub aws_principal_arn: Option<String>,
    /// Destinations may name another endpoint than the one of AWS.
    pub endpoint_override: bool,
    /// Workspaces whose destinations may use the service's own identity.
    pub default_chain: Vec<WorkspaceId>,
    /// What a workspace gets unless the operator granted it something else.
    pub quotas: store::Quotas,
    /// Open jobs (previews, tests, describes) of one workspace.
    pub open_jobs: u32,
    /// Streams of events that one API key or one session has open at once, in this process.
    pub open_streams: usize,
    /// Where workers keep the full lists of rejections and invalid rows. Without it, exports are what the database lists.
    pub objects: Option<objects::Objects>,
    /// What AWS asks for records, by which the cost of a run is estimated.
    pub prices: crate::Prices,
    pub version: String,
}

/// Who may become a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignUp {
    Open,
    /// Whoever has an invitation to a workspace.
    Invitation,
    /// The first person, and after that whoever has an invitation.
    FirstUserOnly,
}

/// Requests in a time, and as many of them at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    pub requests: u32,
    pub seconds: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Of one client address (an IPv6 client is its /64).
    pub address: Rate,
    /// Of one client address, for what tries passwords and links: sign-up, sign-in, reset, invitations.
    pub attempts: Rate,
    /// Of one e-mail address, for signing in.
    pub account: Rate,
    /// Of one API key or one session.
    pub credential: Rate,
    pub workspace: Rate,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sign_up: SignUp::FirstUserOnly,
            public_url: "http://localhost:8080".to_owned(),
            trusted_proxy: false,
            rates: Rates::default(),
            body_limit: 1 << 20,
            request_timeout: Duration::from_secs(30),
            session_lifetime: Duration::from_hours(14 * 24),
            invitation_lifetime: Duration::from_hours(7 * 24),
            reset_lifetime: Duration::from_hours(24),
            password_slots: 2,
            password_wait: Duration::from_secs(5),
            aws_principal_arn: None,
            endpoint_override: false,
            default_chain: Vec::new(),
            quotas: store::Quotas::default(),
            open_jobs: 20,
            open_streams: 10,
            objects: None,
            prices: crate::Prices::default(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            address: Rate { requests: 1200, seconds: 60 },
            attempts: Rate { requests: 30, seconds: 60 },
            account: Rate { requests: 50, seconds: 3600 },
            credential: Rate { requests: 600, seconds: 60 },
            workspace: Rate { requests: 1800, seconds: 60 },
        }
    }
}
