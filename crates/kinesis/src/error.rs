use engine::outcome::{Fatal, Verdict};

use crate::failure::{Failure, Kind, NO_CREDENTIALS, RoleTrouble};

/// Why Kinesis cannot be used, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("{what}")]
    Settings { what: String },

    #[error(
        "no trusted root certificates were found on this machine, so no https endpoint can be verified. Install them \
         (Debian: apt-get install -y ca-certificates)"
    )]
    NoCertificates,

    #[error("the endpoint may not be connected to. Correct it, or ask the operator to allow its network")]
    EndpointRefused,

    #[error(
        "the role {role_arn} cannot be assumed: AWS denies it. Check that the role exists, that its trust policy names \
         this service's principal and your workspace's external id, and that no service control policy denies it"
    )]
    RoleRefused { role_arn: String, cause: Box<Failure> },

    #[error(
        "the role {role_arn} cannot be assumed: AWS refuses the request with {}. Check the role's ARN and that STS is \
         enabled for {region}", .cause.code
    )]
    RoleNotAccepted { role_arn: String, region: String, cause: Box<Failure> },

    #[error(
        "the role {role_arn} cannot be assumed, because the service's own AWS credentials are missing or not valid ({}). \
         The operator must correct them", .cause.code
    )]
    ServiceIdentity { role_arn: String, cause: Box<Failure> },

    #[error(
        "the role {role_arn} cannot be assumed now: STS gave no usable answer ({}). It is tried again; check the \
         connection to STS in {region} if it goes on", .cause.code
    )]
    StsUnavailable { role_arn: String, region: String, cause: Box<Failure> },

    #[error(
        "{action} on {resource} is denied. Allow the action on this resource in the IAM policy of these credentials, \
         and check that no resource policy or service control policy denies it"
    )]
    AccessDenied { action: &'static str, resource: String, cause: Box<Failure> },

    #[error("there is no stream `{name}` in {region}.{} Create it, or correct the name, the region or the account", .close)]
    NoSuchStream {
        name: String,
        region: String,
        /// A sentence on names that look alike, or nothing.
        close: String,
    },

    #[error(
        "the stream {arn} does not exist (any more) for these credentials in {region}. Check whether it was deleted, \
         and whether the credentials belong to its account"
    )]
    StreamGone { arn: String, region: String, cause: Box<Failure> },

    #[error("the stream {arn} is in {stream_region}, but calls go to {region}: set the region to {stream_region}")]
    RegionMismatch { arn: String, stream_region: String, region: String },

    #[error("Kinesis does not accept {resource} as the name or ARN of a stream: correct it")]
    InvalidStream { resource: String, cause: Box<Failure> },

    #[error("the session token of these credentials has expired. Provide new ones, or a long-lived access key")]
    ExpiredCredentials { cause: Box<Failure> },

    #[error(
        "the credentials are not valid in {region}. Check access key id, secret and session token, and that the \
         region is enabled for the account"
    )]
    InvalidCredentials { region: String, cause: Box<Failure> },

    #[error(
        "no credentials were found by the default chain. Give an access key, or set up the machine's role or profile"
    )]
    NoCredentials { cause: Box<Failure> },

    #[error("Kinesis refuses signatures because this machine's clock is wrong. Set it by NTP")]
    ClockSkew { cause: Box<Failure> },

    #[error("the account has no subscription to Kinesis. Finish its sign-up in the AWS console")]
    OptIn { cause: Box<Failure> },

    #[error(
        "the KMS key that encrypts {resource} cannot be used ({}). Enable the key, and allow kms:GenerateDataKey on it \
         for these credentials", .cause.code
    )]
    Kms { resource: String, cause: Box<Failure> },

    #[error("whatever answers at {endpoint} does not know {action}. Correct the endpoint, or leave it out for AWS")]
    NotKinesis { endpoint: String, action: &'static str, cause: Box<Failure> },

    #[error("{endpoint} cannot be reached. Check endpoint, region, DNS, proxy and firewall")]
    Unreachable { endpoint: String, cause: Box<Failure> },

    #[error(
        "{action} was throttled each time it was tried. Other programs of this account use up its quota: try again later"
    )]
    Throttled { action: &'static str, cause: Box<Failure> },

    #[error(
        "{endpoint} gave no usable answer to {action}. Try again later, and check what stands between if it goes on"
    )]
    NoAnswer { endpoint: String, action: &'static str, cause: Box<Failure> },

    #[error("{action} on {resource} was refused with {}", .cause.code)]
    Refused { action: &'static str, resource: String, cause: Box<Failure> },
}

impl Error {
    /// Whether AWS said that this identity may not.
    pub fn is_denial(&self) -> bool {
        matches!(self, Self::AccessDenied { .. } | Self::RoleRefused { .. })
    }

    /// Whether another try may find another answer without anyone changing anything.
    pub fn is_inconclusive(&self) -> bool {
        matches!(
            self,
            Self::Throttled { .. }
                | Self::NoAnswer { .. }
                | Self::Unreachable { .. }
                | Self::StsUnavailable { .. }
                | Self::ServiceIdentity { .. }
        )
    }
}

/// What was asked, of whom.
pub(crate) struct Asked<'a> {
    pub(crate) action: &'static str,
    pub(crate) resource: &'a str,
    pub(crate) region: &'a str,
    pub(crate) endpoint: &'a str,
    /// As whom.
    pub(crate) role_arn: Option<&'a str>,
}

impl Asked<'_> {
    pub(crate) fn error(&self, failure: Failure) -> Error {
        let (region, endpoint) = (self.region.to_owned(), self.endpoint.to_owned());
        let (action, resource) = (self.action, self.resource.to_owned());
        let (kind, verdict, cause) = (failure.kind, failure.verdict(1), Box::new(failure));
        match (kind, verdict) {
            (Kind::NoCredentials, _) => Error::NoCredentials { cause },
            (Kind::Role(trouble), _) => {
                let role_arn = self.role_arn.unwrap_or_default().to_owned();
                match trouble {
                    RoleTrouble::Refused => Error::RoleRefused { role_arn, cause },
                    RoleTrouble::ServiceIdentity => Error::ServiceIdentity { role_arn, cause },
                    RoleTrouble::NotAccepted => Error::RoleNotAccepted { role_arn, region, cause },
                    RoleTrouble::Unavailable => Error::StsUnavailable { role_arn, region, cause },
                }
            }
            (Kind::SessionEnded, _) => Error::ExpiredCredentials { cause },
            (Kind::NotSent, _) if cause.code == NO_CREDENTIALS => Error::NoCredentials { cause },
            (Kind::NotSent, _) => Error::Unreachable { endpoint, cause },
            (_, Verdict::Fatal(fatal)) => match fatal {
                Fatal::AccessDenied => Error::AccessDenied { action, resource, cause },
                Fatal::NoSuchStream => Error::StreamGone { arn: resource, region, cause },
                Fatal::InvalidStream => Error::InvalidStream { resource, cause },
                Fatal::ExpiredCredentials => Error::ExpiredCredentials { cause },
                Fatal::InvalidCredentials => Error::InvalidCredentials { region, cause },
                Fatal::ClockSkew => Error::ClockSkew { cause },
                Fatal::OptIn => Error::OptIn { cause },
                Fatal::Kms => Error::Kms { resource, cause },
                Fatal::NotKinesis => Error::NotKinesis { endpoint, action, cause },
            },
            (_, Verdict::Retryable { refused: true }) => Error::Throttled { action, cause },
            (_, Verdict::Retryable { refused: false }) => Error::NoAnswer { endpoint, action, cause },
            (_, Verdict::OneRecord(_) | Verdict::OneRecordUnknown) => Error::Refused { action, resource, cause },
        }
    }
}
