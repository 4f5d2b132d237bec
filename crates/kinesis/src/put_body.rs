//! The body of a PutRecords request, written from the records as they are. By way of the SDK's own types each message would
//! be copied and allocated several times over. See decision 0027.

use std::fmt::{self, Write};

use aws_runtime::auth::PayloadSigningOverride;
use aws_sdk_kinesis::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_kinesis::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_types::body::SdkBody;
use base64_simd::STANDARD;
use bytes::Bytes;
use engine::record::Record;
use ring::digest::{SHA256, digest};

/// What the JSON around one record takes at most, apart from its texts.
const AROUND: usize = 64;

/// Given to one call, it takes the place of the body that the SDK made. The SDK signs it.
#[derive(Clone)]
pub(crate) struct PutBody(Bytes);

impl PutBody {
    pub(crate) fn new(arn: &str, records: &[&Record]) -> Self {
        let size = |record: &&Record| {
            let explicit = record.explicit_hash_key.as_ref().map_or(0, String::len);
            STANDARD.encoded_length(record.data.len()) + record.partition_key.len() + explicit + AROUND
        };
        let mut body = Vec::with_capacity(records.iter().map(size).sum::<usize>() + arn.len() + AROUND);
        body.extend_from_slice(br#"{"Records":["#);
        for (at, record) in records.iter().enumerate() {
            body.extend_from_slice(if at > 0 { br#",{"Data":""# } else { br#"{"Data":""# });
            STANDARD.encode_append(&record.data, &mut body);
            body.extend_from_slice(br#"","PartitionKey":"#);
            push_text(&mut body, &record.partition_key);
            if let Some(explicit) = &record.explicit_hash_key {
                body.extend_from_slice(br#","ExplicitHashKey":"#);
                push_text(&mut body, explicit);
            }
            body.push(b'}');
        }
        body.extend_from_slice(br#"],"StreamARN":"#);
        push_text(&mut body, arn);
        body.push(b'}');
        Self(body.into())
    }
}

impl Intercept for PutBody {
    fn name(&self) -> &'static str {
        "PutBody"
    }

    /// The hash is what a put costs most. Where the processor has no instructions for it, `ring` takes half the time of what
    /// the SDK would use.
    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        request.headers_mut().insert("content-length", self.0.len().to_string());
        *request.body_mut() = SdkBody::from(self.0.clone());
        let hash = hex(digest(&SHA256, &self.0).as_ref())?;
        config.interceptor_state().store_put(PayloadSigningOverride::Precomputed(hash));
        Ok(())
    }
}

/// Prints nothing of what it holds.
impl fmt::Debug for PutBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PutBody(..)")
    }
}

fn push_text(body: &mut Vec<u8>, text: &str) {
    // Writing a text into a vector cannot fail.
    serde_json::to_writer(body, text).unwrap_or_default();
}

fn hex(bytes: &[u8]) -> Result<String, fmt::Error> {
    bytes.iter().try_fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}")?;
        Ok(text)
    })
}

#[cfg(test)]
mod tests {
    use base64_simd::STANDARD;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    proptest! {
        #[test]
        fn a_body_says_what_its_records_say(
            texts in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..90), "\\PC{1,8}", prop::option::of("[0-9]{1,39}")), 1..5),
            arn in "arn:aws:[a-z\"\\\\]{0,9}",
        ) {
            let records: Vec<_> = texts
                .iter()
                .cloned()
                .map(|(data, partition_key, explicit_hash_key)| Record { data, partition_key, explicit_hash_key })
                .collect();
            let body = PutBody::new(&arn, &records.iter().collect::<Vec<_>>());
            let found: Value = serde_json::from_slice(&body.0).unwrap();
            let wanted = |(data, key, explicit): &(Vec<u8>, String, Option<String>)| {
                let mut wanted = json!({ "Data": STANDARD.encode_to_string(data), "PartitionKey": key });
                if let Some(explicit) = explicit {
                    wanted["ExplicitHashKey"] = json!(explicit);
                }
                wanted
            };
            let wanted: Vec<_> = texts.iter().map(wanted).collect();
            prop_assert_eq!(found, json!({ "Records": wanted, "StreamARN": arn }));
        }
    }

    #[test]
    fn hashes_are_written_as_aws_reads_them() {
        let text = hex(digest(&SHA256, b"").as_ref()).unwrap();
        assert_eq!(text, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
