//! What handlers take and give. Every refusal is a documented problem.

mod aws;
mod if_match;
mod json;
mod objects_only;
mod page;
mod path;
mod query;
mod response;
mod serde_text;
mod text;
mod time;

pub(crate) use aws::{AwsAccount, AwsRoleArn, AwsRoleName, Region, StreamName};
pub(crate) use if_match::IfMatch;
pub(crate) use json::Json;
pub(crate) use json::body_problem;
pub(crate) use page::{Cursor, Limit, Listed, page};
pub(crate) use path::Path;
pub(crate) use query::Query;
pub(crate) use response::{Created, Live, NeverSame, NoContent, Versioned};
pub(crate) use text::{Email, Name, TokenText};
pub(crate) use time::Timestamp;
