//! Which stream a request means: by name, by ARN, or by both when they agree.

use serde::Deserialize;
use serde_json::Value;

use super::{ApiError, Violations};
use crate::ACCOUNT_ID;
use crate::state::{Account, Stream};

/// The stream as the request names it; not validated yet.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Target {
    #[serde(rename = "StreamName")]
    name: Option<String>,
    #[serde(rename = "StreamARN")]
    arn: Option<String>,
}

impl Target {
    pub(crate) fn new(name: Option<String>, arn: Option<String>) -> Self {
        Self { name, arn }
    }

    pub(crate) fn of(request: &Value) -> Result<Self, ApiError> {
        Self::deserialize(request).map_err(|error| ApiError::serialization(&error))
    }

    /// The name, for matching faults and for error texts, whether it is valid or not.
    pub(crate) fn display_name(&self) -> &str {
        let from_arn = self.arn.as_deref().and_then(|arn| arn.split_once(":stream/"));
        self.name.as_deref().or(from_arn.map(|(_, name)| name)).unwrap_or_default()
    }

    /// The ARN that policies know the stream by.
    pub(crate) fn resource(&self, region: &str) -> String {
        self.arn.clone().unwrap_or_else(|| arn_of(self.display_name(), region))
    }

    pub(crate) fn given_name(&self) -> Option<&String> {
        self.name.as_ref()
    }

    pub(crate) fn is_given(&self) -> bool {
        self.name.is_some() || self.arn.is_some()
    }

    pub(crate) fn check(&self, violations: &mut Violations) {
        violations.name("streamName", self.name.as_deref());
        if let Some(arn) = &self.arn
            && Arn::parse(arn).is_none()
        {
            violations.pattern("streamARN", arn, r"arn:aws.*:kinesis:.*:\d{12}:stream/\S+");
        }
    }

    /// The stream that is meant, if it exists.
    pub(crate) fn find<'a>(&self, account: &'a mut Account, region: &str) -> Result<&'a mut Stream, ApiError> {
        let name = self.resolve(region)?;
        account.streams.get_mut(name).ok_or_else(|| ApiError::stream_not_found(name))
    }

    /// Checks the constraints of the target alone, then finds the stream.
    pub(crate) fn check_and_find<'a>(
        &self,
        account: &'a mut Account,
        region: &str,
    ) -> Result<&'a mut Stream, ApiError> {
        let mut violations = Violations::default();
        self.check(&mut violations);
        violations.finish()?;
        self.find(account, region)
    }

    fn resolve(&self, region: &str) -> Result<&str, ApiError> {
        let Some(text) = &self.arn else {
            let missing = || ApiError::invalid_argument("Either StreamName or StreamARN must be given.");
            return self.name.as_deref().ok_or_else(missing);
        };
        let arn = Arn::parse(text).ok_or_else(|| ApiError::stream_not_found(text))?;
        if arn.account != ACCOUNT_ID || arn.region != region {
            let message = format!("Stream {text} under account {} not found.", arn.account);
            return Err(ApiError::new("ResourceNotFoundException", message));
        }
        if self.name.as_deref().is_some_and(|name| name != arn.stream) {
            let message = format!("StreamName and StreamARN {text} do not name the same stream.");
            return Err(ApiError::invalid_argument(message));
        }
        Ok(arn.stream)
    }
}

/// `arn:aws:kinesis:eu-west-1:000000000000:stream/orders`
pub(crate) fn arn_of(stream: &str, region: &str) -> String {
    let partition = match region.split('-').next() {
        Some("cn") => "aws-cn",
        Some("us") if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    };
    format!("arn:{partition}:kinesis:{region}:{ACCOUNT_ID}:stream/{stream}")
}

struct Arn<'a> {
    region: &'a str,
    account: &'a str,
    stream: &'a str,
}

impl<'a> Arn<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let valid_head = parts.next()? == "arn" && parts.next()?.starts_with("aws") && parts.next()? == "kinesis";
        let (region, account) = (parts.next()?, parts.next()?);
        let stream = parts.next()?.strip_prefix("stream/")?;
        let valid_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        let valid_stream = !stream.is_empty() && !stream.contains(char::is_whitespace);
        (valid_head && valid_account && valid_stream).then_some(Self { region, account, stream })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(name: Option<&str>, arn: Option<&str>) -> Result<String, String> {
        let target = Target::new(name.map(str::to_owned), arn.map(str::to_owned));
        target.resolve("eu-west-1").map(str::to_owned).map_err(|error| error.code.into_owned())
    }

    #[test]
    fn a_stream_is_named_by_name_by_arn_or_by_both() {
        let arn = arn_of("orders", "eu-west-1");
        assert_eq!(resolve(Some("orders"), None).as_deref(), Ok("orders"));
        assert_eq!(resolve(None, Some(&arn)).as_deref(), Ok("orders"));
        assert_eq!(resolve(Some("orders"), Some(&arn)).as_deref(), Ok("orders"));
        assert_eq!(resolve(Some("other"), Some(&arn)), Err("InvalidArgumentException".to_owned()));
        assert_eq!(resolve(None, None), Err("InvalidArgumentException".to_owned()));
    }

    #[test]
    fn an_arn_of_another_region_or_account_names_no_stream() {
        let not_found = || Err("ResourceNotFoundException".to_owned());
        assert_eq!(resolve(None, Some(&arn_of("orders", "us-east-1"))), not_found());
        assert_eq!(resolve(None, Some("arn:aws:kinesis:eu-west-1:111111111111:stream/orders")), not_found());
        assert!(Arn::parse("arn:aws:kinesis:eu-west-1:1:stream/orders").is_none());
        assert!(Arn::parse("arn:aws:kinesis:eu-west-1:111111111111:table/orders").is_none());
    }
}
