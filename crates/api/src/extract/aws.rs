//! Names of AWS, by their form.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::text::text;

/// The name of a Kinesis stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StreamName(String);

/// A region. Which ones there are changes too often to list them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Region(String);

/// Twelve digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AwsAccount(String);

/// The name of an IAM role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AwsRoleName(String);

/// The ARN of an IAM role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AwsRoleArn(String);

impl StreamName {
    fn fits(text: &str) -> bool {
        (1..=128).contains(&text.len()) && text.bytes().all(|byte| is_word(byte, b"_.-"))
    }
}

impl Region {
    fn fits(text: &str) -> bool {
        (2..=32).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && !text.ends_with('-')
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    }
}

impl AwsAccount {
    fn fits(text: &str) -> bool {
        text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
    }
}

impl AwsRoleName {
    fn fits(text: &str) -> bool {
        (1..=64).contains(&text.len()) && text.bytes().all(|byte| is_word(byte, b"_+=,.@-"))
    }
}

impl AwsRoleArn {
    fn fits(text: &str) -> bool {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", partition, "iam", "", account, resource] = parts.as_slice() else { return false };
        let path = resource.strip_prefix("role/").unwrap_or_default();
        let partition = partition.strip_prefix("aws").filter(|rest| rest.len() <= 16);
        partition.is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'))
            && AwsAccount::fits(account)
            && (1..=576).contains(&path.len())
            && path.bytes().all(|byte| byte.is_ascii_graphic())
    }
}

fn is_word(byte: u8, others: &[u8]) -> bool {
    byte.is_ascii_alphanumeric() || others.contains(&byte)
}

macro_rules! as_str {
    ($($name:ident),*) => {
        $(impl $name {
            pub(crate) fn as_str(&self) -> &str {
                &self.0
            }
        })*
    };
}

as_str!(StreamName, Region, AwsAccount, AwsRoleName, AwsRoleArn);

text!(
    StreamName,
    "the name of a stream is expected: 1 to 128 letters, digits, `_`, `.` and `-`",
    ObjectBuilder::new().min_length(Some(1)).max_length(Some(128)).pattern(Some("^[A-Za-z0-9_.-]{1,128}$"))
);
text!(
    Region,
    "a region of AWS is expected, such as `eu-west-1`",
    ObjectBuilder::new().min_length(Some(2)).max_length(Some(32)).pattern(Some("^[a-z][a-z0-9-]{0,30}[a-z0-9]$"))
);
text!(
    AwsAccount,
    "the twelve digits of an AWS account are expected",
    ObjectBuilder::new().min_length(Some(12)).max_length(Some(12)).pattern(Some("^[0-9]{12}$"))
);
text!(
    AwsRoleName,
    "the name of an IAM role is expected: 1 to 64 letters, digits and `_+=,.@-`",
    ObjectBuilder::new().min_length(Some(1)).max_length(Some(64)).pattern(Some("^[A-Za-z0-9_+=,.@-]{1,64}$"))
);
text!(
    AwsRoleArn,
    "the ARN of an IAM role is expected, such as `arn:aws:iam::123456789012:role/rowcast`",
    ObjectBuilder::new()
        .min_length(Some(26))
        .max_length(Some(640))
        .pattern(Some("^arn:aws[a-z-]{0,16}:iam::[0-9]{12}:role/[!-~]{1,576}$"))
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_aws_names_is_checked_by_its_form() {
        assert!(StreamName::fits("orders.v2_x-1") && !StreamName::fits("") && !StreamName::fits("a b"));
        assert!(Region::fits("us-gov-west-1") && !Region::fits("eu-west-1.evil.example") && !Region::fits("-x"));
        assert!(AwsAccount::fits("111122223333") && !AwsAccount::fits("11112222333"));
        assert!(AwsRoleName::fits("a+b@c") && !AwsRoleName::fits("a/b"));
        for fine in ["arn:aws:iam::111122223333:role/rowcast", "arn:aws-us-gov:iam::111122223333:role/a/b"] {
            assert!(AwsRoleArn::fits(fine), "{fine}");
        }
        for odd in ["", "arn:aws:iam::111122223333:user/x", "arn:aws:iam::1:role/x", "arn:aws:iam::111122223333:role/"]
        {
            assert!(!AwsRoleArn::fits(odd), "{odd}");
        }
    }
}
