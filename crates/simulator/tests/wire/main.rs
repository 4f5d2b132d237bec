//! The simulator over a plain socket: what an SDK hides, and each fault as a client meets it.
#![expect(clippy::expect_used, reason = "all of this is a test")]

mod sts;

use std::io::{self, ErrorKind};

use serde_json::{Value, json};
use simulator::{Config, Effect, Handle, LateAnswer, Limits, Operation, Rule, Selection, hash_key};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const KINESIS: &str = "content-type: application/x-amz-json-1.1\r\n\
    authorization: AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/kinesis/aws4_request, Signature=x\r\n";
const PUT: Operation = Operation::PutRecords;

#[tokio::test]
async fn a_call_without_signature_or_known_operation_or_readable_body_is_refused() {
    let simulator = started().await;
    let unsigned = "content-type: application/x-amz-json-1.1\r\nx-amz-target: Kinesis_20131202.ListStreams\r\n";
    let refused = request(&simulator, "POST", "/", unsigned, "{}").await.expect("an answer");
    assert_eq!((refused.status, refused.code()), (400, "MissingAuthenticationTokenException"));
    let unknown = format!("{KINESIS}x-amz-target: Kinesis_20131202.Explode\r\n");
    let refused = request(&simulator, "POST", "/", &unknown, "{}").await.expect("an answer");
    assert_eq!((refused.status, refused.code()), (400, "UnknownOperationException"));
    for body in
        ["{", r#"{"StreamName": 5}"#, r#"{"StreamName": "orders", "Records": [{"Data": "%%", "PartitionKey": "k"}]}"#]
    {
        let target = format!("{KINESIS}x-amz-target: Kinesis_20131202.PutRecords\r\n");
        let refused = request(&simulator, "POST", "/", &target, body).await.expect("an answer");
        assert_eq!((refused.status, refused.code()), (400, "SerializationException"), "{body}");
    }
}

#[tokio::test]
async fn a_stream_that_is_being_created_takes_no_records_yet() {
    let config = Config { stream_activation_ms: 3_600_000, ..Config::default() };
    let simulator = simulator::start(config).await.expect("started");
    simulator.create_stream("orders", 1).expect("created");
    let described = call(&simulator, "DescribeStreamSummary", &json!({"StreamName": "orders"})).await.expect("answer");
    assert_eq!(described.body["StreamDescriptionSummary"]["StreamStatus"], "CREATING");
    assert_eq!(put(&simulator, &["k"]).await.expect("an answer").code(), "ResourceNotFoundException");
    let split = json!({"StreamName": "orders", "ShardToSplit": "shardId-000000000000", "NewStartingHashKey": "99"});
    assert_eq!(call(&simulator, "SplitShard", &split).await.expect("answer").code(), "ResourceInUseException");
}

#[tokio::test]
async fn a_reset_before_the_write_leaves_nothing_and_one_after_it_leaves_the_records() {
    let simulator = started().await;
    for (effect, records) in [(Effect::ResetBefore, 0), (Effect::ResetAfter, 1)] {
        simulator.faults([Rule::on(PUT, effect).times(1)]);
        let error = put(&simulator, &["k"]).await.expect_err("no answer");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert_eq!(simulator.records("orders").len(), records);
    }
    assert_eq!(put(&simulator, &["k"]).await.expect("an answer").status, 200);
}

#[tokio::test]
async fn a_cut_answer_ends_early_though_the_records_are_written() {
    let simulator = started().await;
    simulator.faults([Rule::on(PUT, Effect::CutAnswer).times(1)]);
    let error = put(&simulator, &["k"; 100]).await.expect_err("half an answer");
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    assert_eq!(simulator.record_count("orders"), 100);
}

#[tokio::test]
async fn a_hanging_call_is_never_answered_and_ends_with_the_simulator() {
    let simulator = started().await;
    simulator.faults([Rule::on(PUT, Effect::Hang)]);
    let address = simulator.address();
    let hanging = tokio::spawn(async move { send(address, "POST", "/", &headers("PutRecords"), &body(&["k"])).await });
    simulator.wait_for_calls(PUT, 1).await;
    assert!(!hanging.is_finished() && simulator.records("orders").is_empty());
    simulator.shutdown().await;
    hanging.await.expect("joined").expect_err("no answer");
}

#[tokio::test]
async fn a_late_write_lands_after_its_client_was_reset_or_left() {
    let simulator = started().await;
    let later = |answer| Effect::ApplyLater { delay_ms: 100, answer };
    simulator.faults([Rule::on(PUT, later(LateAnswer::Reset)).times(1)]);
    put(&simulator, &["reset"]).await.expect_err("no answer");
    simulator.wait_for_records("orders", 1).await;

    simulator.faults([Rule::on(PUT, later(LateAnswer::Nothing)).times(1), Rule::on(PUT, Effect::Latency { ms: 100 })]);
    for (calls, key) in [(2, "nothing"), (3, "latency")] {
        let address = simulator.address();
        let client = async move { send(address, "POST", "/", &headers("PutRecords"), &body(&[key])).await };
        tokio::select! {
            answer = client => assert!(answer.is_err(), "answered before the client left"),
            () = simulator.wait_for_calls(PUT, calls) => {}
        }
    }
    simulator.wait_for_records("orders", 3).await;
    let keys: Vec<String> = simulator.records("orders").into_iter().map(|record| record.partition_key).collect();
    assert_eq!(keys, ["reset", "nothing", "latency"]);
}

#[tokio::test]
async fn a_whole_call_can_fail_with_any_code_and_status() {
    let simulator = started().await;
    let codes = [
        "AccessDeniedException",
        "ExpiredTokenException",
        "ResourceNotFoundException",
        "LimitExceededException",
        "KMSAccessDeniedException",
        "ValidationException",
    ];
    simulator.faults(codes.map(|code| Rule::on(PUT, Effect::call_error(code)).times(1)));
    for code in codes {
        let refused = put(&simulator, &["k"]).await.expect("an answer");
        assert_eq!((refused.status, refused.code()), (400, code));
        assert!(!refused.body["message"].as_str().expect("a message").is_empty());
    }
    for (status, written, code) in [(500, false, "InternalFailure"), (503, true, "ServiceUnavailable")] {
        simulator.faults([Rule::on(PUT, Effect::HttpError { status, written }).times(1)]);
        let refused = put(&simulator, &["k"]).await.expect("an answer");
        assert_eq!((refused.status, refused.code()), (status, code));
        assert_eq!(simulator.record_count("orders"), usize::from(written));
    }
}

#[tokio::test]
async fn chosen_records_fail_and_the_others_are_written() {
    let simulator = started().await;
    let by_key = Rule::on(PUT, Effect::fail_records("KMSThrottlingException", Selection::All)).partition_key("b");
    let by_data = Rule::on(PUT, Effect::InternalFailure(Selection::All)).data_contains("data of d");
    simulator.faults([by_key, by_data]);
    let answer = put(&simulator, &["a", "b", "c", "d"]).await.expect("an answer");
    assert_eq!(answer.body["FailedRecordCount"], 2);
    assert_eq!(answer.error_codes(), ["", "KMSThrottlingException", "", "InternalFailure"]);
    assert_eq!(answer.body["Records"][3]["ErrorMessage"], "Internal service failure.");
    let keys: Vec<String> = simulator.records("orders").into_iter().map(|record| record.partition_key).collect();
    assert_eq!(keys, ["a", "c"]);
}

#[tokio::test]
async fn records_can_be_throttled_by_shard_and_reported_as_failed_though_written() {
    let simulator = started().await;
    let keys: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let shard = "shardId-000000000001";
    simulator.faults([Rule::on(PUT, Effect::Throttle(Selection::Shard(shard.to_owned()))).times(1)]);
    let answer = put(&simulator, &keys).await.expect("an answer");
    for (key, code) in keys.iter().zip(answer.error_codes()) {
        assert_eq!(code.is_empty(), hash_key(key) < 1 << 127, "{key}");
    }
    let written = simulator.record_count("orders");
    let failed = Effect::FailRecords {
        code: "InternalFailure".to_owned(),
        message: Some("perhaps".to_owned()),
        records: Selection::All,
        written: true,
    };
    simulator.faults([Rule::on(PUT, failed).times(1)]);
    let answer = put(&simulator, &["k"]).await.expect("an answer");
    assert_eq!(answer.body["Records"][0]["ErrorMessage"], "perhaps");
    assert_eq!(simulator.record_count("orders"), written + 1);
}

#[tokio::test]
async fn a_fraction_of_the_records_fails_and_the_same_seed_picks_the_same() {
    let mut picked = Vec::new();
    for seed in [1, 1, 2] {
        let simulator = started().await;
        simulator.faults([Rule::on(PUT, Effect::Throttle(Selection::Fraction(0.3))).seed(seed)]);
        picked.push(put(&simulator, &["k"; 200]).await.expect("an answer").error_codes());
    }
    assert!(picked[0] == picked[1] && picked[0] != picked[2]);
    let failed = picked[0].iter().filter(|code| !code.is_empty()).count();
    assert!((30..90).contains(&failed), "{failed} of 200");
}

#[tokio::test]
async fn a_rule_waits_for_its_turn_and_fires_as_often_as_told() {
    let simulator = started().await;
    simulator.create_stream("other", 1).expect("created");
    simulator.faults([
        Rule::on(PUT, Effect::HttpError { status: 500, written: false }).stream("orders").skip(2).times(1),
        Rule::on(PUT, Effect::call_error("AccessDeniedException")).stream("other"),
    ]);
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(put(&simulator, &["k"]).await.expect("an answer").status);
    }
    assert_eq!(statuses, [200, 200, 500, 200]);
    let reports = simulator.fault_reports();
    assert_eq!((reports[0].matched, reports[0].fired), (4, 1));
    assert_eq!((reports[1].matched, reports[1].fired), (0, 0));
    simulator.clear_faults();
    assert!(simulator.fault_reports().is_empty());
    assert_eq!(simulator.calls_of(PUT), 4);
}

#[tokio::test]
async fn rules_limits_and_records_can_be_reached_over_http() {
    let simulator = started().await;
    let admin = async |method, path: &str, body: &str| {
        let path = format!("/_simulator/{path}");
        request(&simulator, method, &path, "content-type: application/json\r\n", body).await.expect("an answer")
    };
    let rules = json!([
        {"operation": "PutRecords", "times": 1, "effect": {"throttle": "all"}},
        {"effect": "hang", "partition_key": "never", "probability": 0.5, "seed": 3},
        {"effect": {"apply_later": {"delay_ms": 5, "answer": "reset"}}, "stream": "none"},
        {"effect": {"internal_failure": {"fraction": 0.5}}, "data_contains": "none"},
    ]);
    assert_eq!(admin("POST", "faults", &rules.to_string()).await.status, 204);
    assert_eq!(put(&simulator, &["k"]).await.expect("answer").body["FailedRecordCount"], 1);
    let reports = admin("GET", "faults", "").await;
    assert_eq!(reports.body[0]["fired"], 1);
    assert_eq!(reports.body[2]["rule"]["effect"], rules[2]["effect"]);
    for wrong in [r#"[{"effect": "explode"}]"#, r#"[{"effect": "hang", "operation": "Put"}]"#, r#"[{"efect": "hang"}]"#]
    {
        assert_eq!(admin("POST", "faults", wrong).await.status, 422, "{wrong}");
    }
    assert_eq!(admin("DELETE", "faults", "").await.status, 204);

    let limits = json!({"records_per_second": 1, "bytes_per_second": null});
    assert_eq!(admin("POST", "limits", &limits.to_string()).await.status, 204);
    assert_eq!(admin("GET", "limits", "").await.body, limits);
    simulator.set_limits(Limits::off());
    put(&simulator, &["k"]).await.expect("an answer");
    let records = admin("GET", "streams/orders/records", "").await;
    assert_eq!(records.body[0]["partition_key"], "k");
    assert_eq!(records.body[0]["data"], "ZGF0YSBvZiBr");
    assert_eq!(admin("GET", "streams/unknown/records", "").await.status, 404);
    let shards = admin("GET", "streams/orders/shards", "").await.body;
    let (taken, empty) = if shards[0]["records"] == 1 { (&shards[0], &shards[1]) } else { (&shards[1], &shards[0]) };
    assert_eq!((&taken["records"], &taken["bytes"], &taken["throttled"]), (&json!(1), &json!(10), &json!(0)));
    assert!(taken["first_ms"].is_u64() && taken["first_ms"] == taken["last_ms"] && empty["first_ms"].is_null());
    assert_eq!((&empty["records"], &empty["open"]), (&json!(0), &json!(true)));
    assert_eq!(admin("GET", "streams/unknown/shards", "").await.status, 404);
    assert_eq!(admin("GET", "calls", "").await.body, json!({"PutRecords": 2}));
}

async fn started() -> Handle {
    let simulator = simulator::start(Config::default()).await.expect("started");
    simulator.create_stream("orders", 2).expect("created");
    simulator
}

#[derive(Debug)]
struct Answer {
    status: u16,
    body: Value,
    /// The body as it came.
    text: String,
}

impl Answer {
    fn code(&self) -> &str {
        self.body["__type"].as_str().unwrap_or_default()
    }

    /// The code of each record, empty where it was written.
    fn error_codes(&self) -> Vec<String> {
        let records = self.body["Records"].as_array().expect("records").iter();
        records.map(|record| record["ErrorCode"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

async fn put(simulator: &Handle, keys: &[&str]) -> io::Result<Answer> {
    request(simulator, "POST", "/", &headers("PutRecords"), &body(keys)).await
}

async fn call(simulator: &Handle, operation: &str, input: &Value) -> io::Result<Answer> {
    request(simulator, "POST", "/", &headers(operation), &input.to_string()).await
}

fn headers(operation: &str) -> String {
    format!("{KINESIS}x-amz-target: Kinesis_20131202.{operation}\r\n")
}

/// Puts one record a key, with the data `data of KEY`.
fn body(keys: &[&str]) -> String {
    use base64::Engine;
    let data = |key| base64::engine::general_purpose::STANDARD.encode(format!("data of {key}"));
    let records: Vec<Value> = keys.iter().map(|key| json!({"PartitionKey": key, "Data": data(key)})).collect();
    json!({"StreamName": "orders", "Records": records}).to_string()
}

async fn request(simulator: &Handle, method: &str, path: &str, headers: &str, body: &str) -> io::Result<Answer> {
    send(simulator.address(), method, path, headers, body).await
}

async fn send(
    address: std::net::SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(address).await?;
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}content-length: {length}");
    stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or(ErrorKind::InvalidData)?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    if length.is_some_and(|length| length.parse() != Ok(body.len())) {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(Answer { status, body: serde_json::from_str(body).unwrap_or_default(), text: body.to_owned() })
}
