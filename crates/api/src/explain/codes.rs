//! The catalogue: every code, in the order of the page. A test compares it with the sources that produce them.

use super::ErrorCode;
use super::Occurs::{Call, InvalidRow, Rejection, Run};
use super::Retried::{InRun, NextRun, No};

/// No page of AWS's: the word is our own.
const OURS: Option<&str> = None;
const PUT_RECORDS: Option<&str> = Some("https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html");
const COMMON: Option<&str> = Some("https://docs.aws.amazon.com/kinesis/latest/APIReference/CommonErrors.html");
const STS: Option<&str> = Some("https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html");
const KMS: Option<&str> = Some("https://docs.aws.amazon.com/streams/latest/dev/permissions-user-key-KMS.html");
const LIMITS: Option<&str> = Some("https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html");
const DRY_RUN: Option<&str> = Some("https://docs.aws.amazon.com/streams/latest/dev/kds-dryrun-validation.html");

/// Code, where it is found, whether Rowcast tries again by itself, where AWS describes it, what it means, what to do.
macro_rules! codes {
    ($($code:literal [$($occurs:ident),+] $retried:ident $source:ident $meaning:literal $advice:literal;)*) => {
        pub(crate) const CODES: &[ErrorCode] = &[$(ErrorCode {
            code: $code,
            occurs: &[$($occurs),+],
            meaning: $meaning,
            advice: $advice,
            retried: $retried,
            source: $source,
        }),*];
    };
}

codes! {
    // Rows that cannot be a record. The words are those of `engine::record::Code`.
    "record-too-large" [Rejection] NextRun LIMITS
        "Message and partition key together are larger than a record may be. It was not put."
        "Send fewer or shorter columns; or raise the stream's maximum record size (10 MiB at most), then \
         `limits.record_bytes`.";
    "partition-key-empty" [Rejection] NextRun PUT_RECORDS
        "The partition key of this row is empty, and Kinesis refuses a whole call for one such record. It was not \
         put."
        "Choose a column or template that always has a value; the primary key is a good choice.";
    "partition-key-too-long" [Rejection] NextRun PUT_RECORDS
        "The partition key has more than 256 characters, which is what Kinesis takes. It was not put."
        "Choose a shorter key, or make one in the query, as in `md5(long_column)`.";
    "hash-key-invalid" [Rejection] NextRun PUT_RECORDS
        "The hash key is not a whole number from 0 to 2^128-1 in decimal digits. The record was not put."
        "Make it a whole number from 0 to 340282366920938463463374607431768211455, without sign and leading zeros; or \
         leave the hash key out.";
    "invalid-json" [Rejection] NextRun OURS
        "A value that has to be JSON is none, so there is no message for this row."
        "Correct the value in the source, or let the query make it, as in `jsonb_build_object('id', id)`.";
    "values-not-kept" [Rejection] NextRun OURS
        "The message of a removal needs values that were acknowledged before, and the sync did not keep them."
        "Let the sync keep values, or let removals use only columns of the primary key; rows that are sent again have \
         their values kept from then on.";
    "render-failed" [Rejection] NextRun OURS
        "The values of this row do not fit the template."
        "Change the row or the template so that they fit; the text beside the code says how they do not.";
    "refused" [Rejection] NextRun OURS
        "The record was surely not taken, and no answer tells why."
        "Nothing; if it goes on, look at the failed calls of the run.";
    "worker-lost" [Rejection] InRun OURS
        "The worker died while this record was on its way, so nobody knows whether the stream has it. Its place is not \
         known."
        "Nothing: the record is put again with the same `event.id`, by which consumers drop a second one.";
    // Rows that were never planned.
    "null-key" [InvalidRow] NextRun OURS
        "A column of the primary key is null. Such a row cannot be told from others, so it is never sent."
        "Choose a key without nulls, or leave such rows out of the query.";
    "duplicate-key" [InvalidRow] NextRun OURS
        "Several rows have this key. None of them is sent, and none is removed: what was acknowledged of the key \
         stays."
        "Choose a key that is unique, or let the query return one row for each, as `SELECT DISTINCT ON (key) ..` \
         does.";
    "not-an-array" [InvalidRow] NextRun OURS
        "The column that the sync fans out by holds JSON that is no array. Nothing of this row is sent or removed."
        "Correct the value, or let the query make an array of it.";
    "null-element" [InvalidRow] NextRun OURS
        "The array that the sync fans out by has a null element. Nothing of this row is sent or removed."
        "Let the query leave nulls out, as in `array_remove(tags, NULL)`.";
    "duplicate-element" [InvalidRow] NextRun OURS
        "The array that the sync fans out by has an element twice. Nothing of this row is sent or removed."
        "Let the query return each element once.";
    "too-many-elements" [InvalidRow] NextRun OURS
        "The array that the sync fans out by has more than 10,000 elements. Nothing of this row is sent or removed."
        "Let the query return one row for each element, with the element in the key.";
    "not-in-model" [InvalidRow] No OURS
        "The row was chosen for sending, and the model has no row with this key."
        "Correct the key, or the query of the model.";
    "not-logged" [InvalidRow] No OURS
        "The row was chosen among those that a past run put, and the log of that run has no put of it."
        "Nothing if its key was erased; else check the key and the run.";
    "values-not-logged" [InvalidRow] No OURS
        "The row should be sent as a past run had it, and the log of that run has none of its values."
        "Send it as the model has it now. With `log.rows` `full`, and `values` `used`, later runs log values.";
    "values-do-not-fit" [InvalidRow] No OURS
        "The row should be sent as a past run had it, and its logged values lack a column that the sync uses now, or one \
         has another type, or the key has other columns."
        "Send it as the model has it now.";
    "back-in-model" [InvalidRow] No OURS
        "The removal of the row should be sent again, and the model has the row by now."
        "Nothing: the stream was told of the row by a later run, or the next run tells it.";
    "not-rejected" [InvalidRow] No OURS
        "The rejection of the row should be dismissed, and there is none."
        "Check the key; a rejection is over once a later run has delivered the row.";
    "uncertain" [InvalidRow] NextRun OURS
        "The rejection of the row was not dismissed: a version of it may be in the stream, so what the stream holds is not \
         known before the row is sent."
        "Nothing: the next run sends it, and dismiss it again if it is refused.";
    "no-elements" [InvalidRow] No OURS
        "The row was chosen for sending, and the array that the sync fans out by is empty in it."
        "Nothing: a row without elements has no messages.";
    // What Kinesis says of a record or a call, that goes away by itself.
    "ProvisionedThroughputExceededException" [Rejection, Call] InRun PUT_RECORDS
        "A shard, or the stream, got more records or bytes than it takes in a second. Nothing of this record is in the \
         stream."
        "Rowcast slows down and puts it again. If it goes on: use a partition key with more values, split the hot \
         shard, or use on-demand capacity.";
    "LimitExceededException" [Rejection, Call] InRun PUT_RECORDS
        "The account makes more calls of this kind than AWS allows."
        "Rowcast waits and tries again. If it goes on, find what else of the account calls as often.";
    "ThrottlingException" [Rejection, Call] InRun COMMON
        "AWS took no more calls for the moment."
        "Rowcast waits and tries again. If it goes on, find what else of the account calls as often.";
    "RequestLimitExceeded" [Rejection, Call] InRun COMMON
        "AWS took no more calls for the moment."
        "Rowcast waits and tries again. If it goes on, find what else of the account calls as often.";
    "TooManyRequestsException" [Rejection, Call] InRun COMMON
        "AWS took no more calls for the moment."
        "Rowcast waits and tries again. If it goes on, find what else of the account calls as often.";
    "SlowDown" [Rejection, Call] InRun COMMON
        "AWS took no more calls for the moment."
        "Rowcast waits and tries again. If it goes on, find what else of the account calls as often.";
    "KMSThrottlingException" [Rejection, Call] InRun PUT_RECORDS
        "The key that encrypts the stream is used more often than KMS allows. Nothing of this record is in the \
         stream."
        "Rowcast waits and tries again. If it goes on, raise the KMS quota of the account, or use a key of its own for \
         the stream.";
    "InternalFailure" [Call] InRun PUT_RECORDS
        "Kinesis failed inside. The record may be in the stream nevertheless."
        "Nothing: it is put again with the same `event.id`, by which consumers drop a second one.";
    "InternalFailureException" [Call] InRun PUT_RECORDS
        "Kinesis failed inside. The records of the call may be in the stream nevertheless."
        "Nothing: they are put again with the same `event.id`, by which consumers drop a second one.";
    "InternalError" [Call] InRun COMMON
        "AWS failed inside. The records of the call may be in the stream nevertheless."
        "Nothing: they are put again with the same `event.id`, by which consumers drop a second one.";
    "InternalServerError" [Call] InRun COMMON
        "AWS failed inside. The records of the call may be in the stream nevertheless."
        "Nothing: they are put again with the same `event.id`, by which consumers drop a second one.";
    "ServiceUnavailable" [Call] InRun COMMON
        "AWS could not answer for the moment. The records of the call may be in the stream nevertheless."
        "Nothing: they are put again with the same `event.id`, by which consumers drop a second one.";
    "RequestTimeout" [Call] InRun COMMON
        "AWS did not get the whole request in time. The records of the call may be in the stream nevertheless."
        "Nothing, if it is rare. If it goes on, check the network between this service and AWS.";
    "no-result" [Call] InRun OURS
        "The answer has neither a place in the stream nor an error for this record, so it may be there or not."
        "Nothing: it is put again with the same `event.id`. If it goes on, check what stands between this service and \
         AWS.";
    "shard-changed" [Call] InRun OURS
        "A record in which messages share was taken by another shard than the one that they were known to belong to: the stream \
         was split or merged meanwhile. The client library of Kinesis leaves out such a record, others read it."
        "Nothing: each of its messages is put again by itself, with the same `event.id`.";
    "timed-out" [Call] InRun OURS
        "No answer came in time. The records of the call may be in the stream nevertheless."
        "Nothing: they are put again with the same `event.id`. If it goes on, check the network, and a proxy if there \
         is one.";
    "connection-lost" [Call] InRun OURS
        "The connection ended before the answer came. The records of the call may be in the stream nevertheless."
        "Nothing: they are put again with the same `event.id`. If it goes on, check the network, and a proxy if there \
         is one.";
    "unreadable-answer" [Call] InRun OURS
        "What came back is not the answer of Kinesis, or not all of it. The records of the call may be in the stream."
        "Nothing, if it is rare. If it goes on, check what stands between this service and AWS.";
    "http-*" [Call] InRun OURS
        "An answer with this HTTP status and without a code came; it is not from Kinesis itself."
        "Check the proxy or the load balancer between this service and AWS, and the destination's endpoint if it has \
         one.";
    "unreachable" [Rejection, Call] InRun OURS
        "No connection came about, so nothing left this service."
        "Check the destination's endpoint and region, DNS, proxy and firewall.";
    "not-built" [Rejection, Call] NextRun OURS
        "The request could not be made, so nothing left this service."
        "Tell the operator of this service: the text beside the code has the cause.";
    // What Kinesis says of a record, that does not go away by itself.
    "ValidationException" [Rejection, Call] NextRun COMMON
        "A record is not as Kinesis demands it, and with it the whole call was refused. Rowcast finds the record and \
         sends the others."
        "Correct what the text beside the code names: partition key, hash key or size.";
    "ValidationError" [Rejection, Call] NextRun COMMON
        "A record is not as AWS demands it, and with it the whole call was refused. Rowcast finds the record and sends \
         the others."
        "Correct what the text beside the code names.";
    "InvalidArgumentException" [Rejection, Call] NextRun PUT_RECORDS
        "A record, or the call as a whole, is outside a limit of the stream. Rowcast finds the record and sends the \
         others."
        "Often the stream takes smaller records than the sync's `limits.record_bytes` says: make both the same.";
    "SerializationException" [Rejection, Call] NextRun COMMON
        "Kinesis could not read the request. Rowcast finds the record that is the cause and sends the others."
        "Check what stands between this service and AWS and may change requests; if there is nothing, tell the \
         operator.";
    // Why no put can succeed: access.
    "AccessDeniedException" [Call] No PUT_RECORDS
        "The identity of the destination may not do this. Nothing was sent."
        "Allow the action that the text names, such as `kinesis:PutRecords`, on the stream's ARN, in the policy of the \
         role or user.";
    "AccessDenied" [Call] No STS
        "The role cannot be assumed, or the identity may not do this. AWS does not tell a role that is not there from \
         one that does not trust this service."
        "Check the role's ARN, and that its trust policy names this service's principal and the workspace's external \
         id.";
    "NotAuthorized" [Call] No COMMON
        "The identity of the destination may not do this."
        "Allow the action that the text names in the policy of the role or user.";
    "UnauthorizedOperation" [Call] No COMMON
        "The identity of the destination may not do this."
        "Allow the action that the text names in the policy of the role or user.";
    "ResourceNotFoundException" [Call] No PUT_RECORDS
        "There is no such stream in this region for these credentials."
        "Check name, region and account of the destination, and whether the stream was deleted.";
    "ResourceInUseException" [Call] InRun PUT_RECORDS
        "The stream is just being made, changed or deleted."
        "Wait until its status is ACTIVE.";
    "ExpiredTokenException" [Call] No COMMON
        "The session token of these credentials has expired. That of a role is renewed by itself."
        "Give the destination new credentials; a role or a long-lived access key need no renewal.";
    "ExpiredToken" [Call] No COMMON
        "The session token of these credentials has expired. That of a role is renewed by itself."
        "Give the destination new credentials; a role or a long-lived access key need no renewal.";
    "RequestTimeTooSkewed" [Call] No COMMON
        "The clock of the machine that runs this service is wrong, and AWS refuses its signatures."
        "The operator has to set the clock, best by NTP.";
    "RequestExpired" [Call] No COMMON
        "The clock of the machine that runs this service is wrong, and AWS refuses its signatures."
        "The operator has to set the clock, best by NTP.";
    "RequestInTheFuture" [Call] No COMMON
        "The clock of the machine that runs this service is wrong, and AWS refuses its signatures."
        "The operator has to set the clock, best by NTP.";
    "InvalidSignatureException" [Call] No COMMON
        "The signature does not fit: the secret of the access key is wrong, or the clock of the machine that runs this \
         service."
        "Give the secret again. If the text beside the code speaks of a time, the operator has to set the clock.";
    "SignatureDoesNotMatch" [Call] No COMMON
        "The signature does not fit: the secret of the access key is wrong."
        "Give the destination's secret access key again.";
    "IncompleteSignature" [Call] No COMMON
        "The request is not signed as AWS demands it."
        "Give the destination's credentials again, and check what stands between this service and AWS and may change \
         headers.";
    "IncompleteSignatureException" [Call] No COMMON
        "The request is not signed as AWS demands it."
        "Give the destination's credentials again, and check what stands between this service and AWS and may change \
         headers.";
    "UnrecognizedClientException" [Call] No COMMON
        "AWS does not know the access key id, or not in this region."
        "Check access key id and session token, whether the key was deleted, and that the region is enabled for the \
         account.";
    "InvalidClientTokenId" [Call] No COMMON
        "AWS does not know the access key id."
        "Check the access key id, and whether the key was deleted.";
    "InvalidAccessKeyId" [Call] No COMMON
        "AWS does not know the access key id."
        "Check the access key id, and whether the key was deleted.";
    "MissingAuthenticationToken" [Call] No COMMON
        "The request came without a signature."
        "Check what stands between this service and AWS and may take headers away.";
    "MissingAuthenticationTokenException" [Call] No COMMON
        "The request came without a signature."
        "Check what stands between this service and AWS and may take headers away.";
    "AuthFailure" [Call] No COMMON
        "AWS does not take these credentials."
        "Check the access key id and its secret.";
    "no-credentials" [Call] NextRun OURS
        "There are no credentials to sign the call with, so nothing left this service."
        "Give the destination a role or an access key. If the service's own identity is meant, its operator has to set \
         it up.";
    "OptInRequired" [Call] No COMMON
        "The account has no subscription to Kinesis."
        "Finish the account's sign-up in the AWS console.";
    "SubscriptionRequiredException" [Call] No COMMON
        "The account has no subscription to Kinesis."
        "Finish the account's sign-up in the AWS console.";
    "UnknownOperationException" [Call] No COMMON
        "Whatever answers there does not know this action, so it is not Kinesis."
        "Correct the endpoint of the destination, or leave it out to use that of AWS.";
    // Why no put can succeed: the key that encrypts the stream.
    "KMSAccessDeniedException" [Rejection, Call] No KMS
        "The stream is encrypted, and the identity of the destination may not use the key. Nothing was sent."
        "Allow `kms:GenerateDataKey` on the key's ARN in the policy of the role or user, and in the key's own policy.";
    "KMSDisabledException" [Rejection, Call] No KMS
        "The key that encrypts the stream is disabled. Nothing was sent."
        "Enable the key in KMS, or choose another one for the stream.";
    "KMSInvalidStateException" [Rejection, Call] No KMS
        "The key that encrypts the stream cannot be used in the state that it is in, such as waiting to be deleted."
        "Cancel the deletion of the key in KMS, or choose another one for the stream.";
    "KMSNotFoundException" [Rejection, Call] No KMS
        "The key that encrypts the stream is not there, or not for this account."
        "Choose a key for the stream that exists in its region, and let the key's policy allow the account.";
    "KMSOptInRequired" [Rejection, Call] No KMS
        "The account of the key that encrypts the stream has no subscription to KMS."
        "Finish the account's sign-up in the AWS console.";
    "DryRunOperationException" [Call] No DRY_RUN
        "No failure: a test call would have been accepted, and nothing was written."
        "Nothing.";
    // Why a run ended. First what waits for a person.
    "empty-result" [Run] No OURS
        "The query returned no valid row, but rows were acknowledged before; all of them would be removed. Nothing was \
         sent."
        "Look whether the source is whole. Then approve the removals, or dismiss them.";
    "removals" [Run] No OURS
        "More rows are gone from the model than the sync's guard lets through. Nothing was sent."
        "Look at what would be removed. Then approve it, send the rest without removals, or dismiss it.";
    "invalid-keys" [Run] No OURS
        "More keys are null or duplicate than the sync's guard lets through. Nothing was sent."
        "Correct the query or the key of the model; or approve, and those rows are held back.";
    "configuration-changed" [Run] No OURS
        "Source, query, key, destination or stream changed, so it is not clear what the stream should get. Nothing was \
         sent."
        "Answer the question of the sync: send all rows again, or only future changes.";
    "too-many-rejections" [Run] No OURS
        "More than half of the first records were rejected for reasons of their own, so the run was stopped. What was \
         acknowledged is kept."
        "Look at the rejections, correct the mapping or the limits, and run again.";
    "rows-not-sent" [Run] No OURS
        "Some of the chosen rows could not be sent."
        "Look at the list of invalid rows, correct the keys or the model, and send them again.";
    "rows-not-dismissed" [Run] No OURS
        "Some of the chosen rejections were not dismissed."
        "Look at the list of invalid rows for the reason of each.";
    "log-expired" [Run] No OURS
        "Rows of a past run should be sent again, and its log is gone."
        "Send rows by their keys, or every row with a full resync; a longer `log_retention_days` of the workspace keeps \
         logs for longer.";
    "key-not-found" [Run] No OURS
        "None of the keys that should be erased was kept anywhere."
        "Check the key and the sync; a key may be written in another way.";
    "cancelled" [Run] NextRun OURS
        "A person ended the run. What was acknowledged is kept."
        "Nothing: the next run sends what is left.";
    // Limits.
    "took-too-long" [Run] NextRun OURS
        "The run took longer than a run may. What was acknowledged is kept."
        "Run it again, make the query faster, or ask the operator for a higher limit.";
    "too-many-rows" [Run] No OURS
        "The query returned more rows than a run may read. Nothing was sent."
        "Narrow the model, or ask the operator for a higher limit.";
    "too-many-bytes" [Run] No OURS
        "The rows of the model need more scratch space than a run may take. Nothing was sent."
        "Select fewer rows or columns, or ask the operator for a higher limit.";
    "too-much-stored" [Run] No OURS
        "The snapshots of the workspace take more than they may."
        "Delete a sync, keep hashes only, or ask the operator for a higher limit.";
    // What could not be used.
    "source" [Run] NextRun OURS
        "The source could not be reached, or refused the query. Nothing was sent."
        "The text beside the code says what to correct; a test of the source tries it.";
    "destination" [Run] NextRun OURS
        "The stream cannot be written to. What was acknowledged before is kept."
        "The text beside the code says what to correct; `verify` of the destination tries it.";
    "no-answer" [Run] NextRun OURS
        "No put of a whole window was answered. The records may be in the stream; they are put again with the same \
         `event.id`."
        "Check the network between this service and AWS, then run again.";
    "configuration" [Run] No OURS
        "The configuration of the sync does not fit its model, or is not allowed here. Nothing was sent."
        "Correct what the text beside the code names; a preview tries it.";
    "credentials" [Run] No OURS
        "A secret of the source or the destination is missing or cannot be used."
        "Give it again.";
    "role-not-accepted" [Run] No OURS
        "The role of the destination does not demand the external id of this workspace, so others could use it. \
         Nothing was sent."
        "Correct the role's trust policy: `GET /v1/workspaces/{workspace_id}/aws-setup` has it.";
    "row" [Run] NextRun OURS
        "A row that came from the source cannot be read."
        "Tell the operator of this service: the text beside the code names the column.";
    "snapshot-damaged" [Run] No OURS
        "What was acknowledged before cannot be read, so nothing can be compared with it. Nothing was sent."
        "Run with `repair`: `older` goes back to the newest snapshot that is whole, `send-all` starts without one.";
    "object-storage" [Run] NextRun OURS
        "The storage of this service failed."
        "Tell the operator. The next run goes on where this one ended.";
    "scratch" [Run] NextRun OURS
        "The worker's scratch space failed, or is full."
        "Tell the operator. The next run goes on where this one ended.";
    "store" [Run] NextRun OURS
        "The database of this service failed."
        "Tell the operator. The next run goes on where this one ended.";
    "log" [Run] NextRun OURS
        "What the run did could not be written into its debug log."
        "Tell the operator. The next run goes on where this one ended.";
    "internal" [Run] NextRun OURS
        "Something went wrong inside this service."
        "Tell the operator: the log of the worker has the cause.";
    // Workers.
    "crash-loop" [Run] No OURS
        "Several attempts of this run died in a row without saying why, so it is not tried again by itself."
        "Tell the operator: the logs of the workers at the times of the attempts have the cause. Then run it again.";
    "lease-lost" [Run] InRun OURS
        "The worker could not say in time that it still works. Another worker goes on with the run."
        "Nothing.";
    "drained" [Run] InRun OURS
        "The worker was stopped, and handed the run over to another one."
        "Nothing.";
    "fail-point" [Run] NextRun OURS
        "A test of this service made it fail here."
        "Nothing.";
}
