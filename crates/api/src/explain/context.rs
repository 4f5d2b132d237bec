//! What the text beside a code adds: which shard, which action on what, which key.

use serde_json::json;

use super::Explained;

pub(super) fn of(code: &str, message: &str) -> Explained {
    match code {
        "ProvisionedThroughputExceededException" => throttled(message),
        "AccessDeniedException" | "AccessDenied" => denied(message),
        "record-too-large" => too_large(message),
        "KMSAccessDeniedException" => kms(message),
        _ => None,
    }
    .unwrap_or_default()
}

/// The shard in `Rate exceeded for shard shardId-000000000001 in stream orders under account 111122223333.`
pub(crate) fn shard_in(message: &str) -> Option<&str> {
    word_after(message, "for shard ").filter(|shard| shard.starts_with("shardId-"))
}

fn throttled(message: &str) -> Option<Explained> {
    let shard = shard_in(message)?;
    let stream =
        word_after(message, "in stream ").map(|stream| format!(" of the stream `{stream}`")).unwrap_or_default();
    let meaning = format!(
        "{shard}{stream} got more than the 1,000 records or 1 MiB that a shard takes in a second, from all who write to it. \
         Nothing of this record is in the stream."
    );
    let advice = format!(
        "Rowcast slows down for this shard and puts the record again. If {shard} stays hot: see in the run's report which \
         partition keys it gets. With one hot key another partition key helps; with many keys split the shard, or use \
         on-demand capacity."
    );
    Some(Explained { meaning: Some(meaning), advice: Some(advice) })
}

/// `User: .. is not authorized to perform: kinesis:PutRecords on resource: arn:.. because ..`
fn denied(message: &str) -> Option<Explained> {
    let action = word_after(message, "to perform: ")?;
    let resource = word_after(message, "on resource: ").unwrap_or("*");
    let who = word_after(message, "User: ").map(|who| format!(" `{who}`")).unwrap_or_default();
    let meaning = format!("AWS does not let{who} do {action} on {resource}. Nothing was sent.");
    let statement = json!({"Effect": "Allow", "Action": action, "Resource": resource});
    let advice = if message.contains("explicit deny") {
        format!(
            "A policy denies it explicitly, and no other statement can allow it then. Find the `Deny` for {action} in the \
             policies of the identity, of the stream, or of the organization, and take it back."
        )
    } else if action == "sts:AssumeRole" {
        "The role's trust policy has to name Rowcast's principal, with the workspace's external id; if it does, no service \
         control policy may deny it. `GET /v1/workspaces/{workspace_id}/aws-setup` has the trust policy to copy."
            .to_owned()
    } else {
        format!("Add this statement to the policy of the role or user of the destination: `{statement}`.")
    };
    Some(Explained { meaning: Some(meaning), advice: Some(advice) })
}

/// `the record has 1200000 bytes with its partition key, and the limit is 1048576; its largest column is `bio` with ..`
fn too_large(message: &str) -> Option<Explained> {
    let limit = word_after(message, "the limit is ")?;
    let size = message.strip_prefix("the record has ")?.split(" bytes").next()?;
    let meaning = format!(
        "Message and partition key have {size} bytes together, and the stream takes records of {limit} bytes at most by the \
         sync's `limits.record_bytes`. It was not put."
    );
    let column = message.split("its largest column is `").nth(1).and_then(|rest| rest.split('`').next());
    let first = match column {
        Some(column) => format!("Leave out or shorten the column `{column}`, the largest that the message uses"),
        None => "Send fewer or shorter columns".to_owned(),
    };
    let advice =
        format!("{first}; or raise the stream's maximum record size (10 MiB at most), then `limits.record_bytes`.");
    Some(Explained { meaning: Some(meaning), advice: Some(advice) })
}

fn kms(message: &str) -> Option<Explained> {
    let key = message.split_whitespace().map(trimmed).find(|word| word.starts_with("arn:") && word.contains(":kms:"));
    let statement = json!({"Effect": "Allow", "Action": "kms:GenerateDataKey", "Resource": key?});
    let advice = format!(
        "Add this statement to the policy of the role or user of the destination, and let the key's own policy allow the \
         account: `{statement}`."
    );
    Some(Explained { meaning: None, advice: Some(advice) })
}

fn word_after<'a>(message: &'a str, mark: &str) -> Option<&'a str> {
    let (_, rest) = message.split_once(mark)?;
    rest.split_whitespace().next().map(trimmed).filter(|word| !word.is_empty())
}

fn trimmed(word: &str) -> &str {
    word.trim_matches(|letter: char| ".,;:()\"'`".contains(letter))
}
