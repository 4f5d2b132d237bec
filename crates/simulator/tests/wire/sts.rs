//! Roles and their sessions.

use serde_json::{Value, json};
use simulator::{Effect, Handle, Operation, Role, Rule, Selection};

use super::{Answer, request, started};

const SERVICE: &str = "arn:aws:iam::111122223333:role/service";
const ROLE: &str = "arn:aws:iam::000000000000:role/writer";

#[tokio::test]
async fn a_role_is_assumed_by_whom_it_trusts_with_the_external_id_that_it_wants() {
    let simulator = with_role().await;
    let cases = [
        ("AKIASERVICE", "&ExternalId=right-id", 200),
        ("AKIASERVICE", "&ExternalId=wrong-id", 403),
        ("AKIASERVICE", "", 403),
        ("AKIAOTHER", "&ExternalId=right-id", 403),
    ];
    for (key, external_id, status) in cases {
        let answer = assume(&simulator, key, ROLE, external_id).await;
        assert_eq!(answer.status, status, "{key} {external_id} {}", answer.text);
    }
    let unknown = format!("{ROLE}-unknown");
    for refused in
        [assume(&simulator, "AKIASERVICE", ROLE, "").await, assume(&simulator, "AKIASERVICE", &unknown, "").await]
    {
        assert_eq!(element(&refused, "Code"), "AccessDenied");
        let message = element(&refused, "Message");
        assert!(
            message.starts_with(&format!("User: {SERVICE} is not authorized to perform: sts:AssumeRole on resource: "))
        );
    }
    let sessions = simulator.sessions();
    assert_eq!(sessions.len(), 1);
    assert_eq!((&*sessions[0].session_name, sessions[0].external_id.as_deref()), ("one", Some("right-id")));
    assert_eq!((&*sessions[0].principal, &*sessions[0].role_arn), (SERVICE, ROLE));
}

#[tokio::test]
async fn fields_are_validated_as_by_sts() {
    let simulator = with_role().await;
    let long_policy = format!("&Policy={}", "x".repeat(2049));
    for (fields, code, path) in [
        ("&DurationSeconds=899", "ValidationError", "durationSeconds"),
        ("&DurationSeconds=43201", "ValidationError", "durationSeconds"),
        ("&ExternalId=x", "ValidationError", "externalId"),
        ("&ExternalId=a%20b", "ValidationError", "externalId"),
        (&*long_policy, "ValidationError", "policy"),
        ("&RoleSessionName=a", "ValidationError", "roleSessionName"),
        ("&RoleSessionName=a%2Fb", "ValidationError", "roleSessionName"),
        ("&ExternalId=right-id&Policy=%7B", "MalformedPolicyDocument", ""),
        ("&ExternalId=right-id&DurationSeconds=7200", "ValidationError", "MaxSessionDuration"),
    ] {
        let refused = assume(&simulator, "AKIASERVICE", ROLE, fields).await;
        assert_eq!((refused.status, &*element(&refused, "Code")), (400, code), "{fields} {}", refused.text);
        assert!(refused.text.contains(path), "{}", refused.text);
    }
    let unknown = form(&simulator, "AKIASERVICE", None, "Action=Explode&Version=2011-06-15").await;
    assert_eq!(element(&unknown, "Code"), "InvalidAction");
    let headers = "content-type: application/x-www-form-urlencoded\r\n";
    let unsigned = request(&simulator, "POST", "/", headers, "Action=GetCallerIdentity").await.expect("an answer");
    assert_eq!((unsigned.status, &*element(&unsigned, "Code")), (403, "MissingAuthenticationToken"));
}

#[tokio::test]
async fn credentials_tell_who_they_stand_for() {
    let simulator = with_role().await;
    let who = "Action=GetCallerIdentity&Version=2011-06-15";
    assert_eq!(element(&form(&simulator, "AKIAANY", None, who).await, "Arn"), "arn:aws:iam::000000000000:root");
    let service = form(&simulator, "AKIASERVICE", None, who).await;
    assert_eq!((&*element(&service, "Arn"), &*element(&service, "Account")), (SERVICE, "111122223333"));
    let (key, token) = session(&simulator, "").await;
    let assumed = form(&simulator, &key, Some(&token), who).await;
    assert_eq!(element(&assumed, "Arn"), "arn:aws:sts::000000000000:assumed-role/writer/one");
}

#[tokio::test]
async fn a_session_needs_its_token_and_ends() {
    let simulator = with_role().await;
    let (key, token) = session(&simulator, "").await;
    assert_eq!(list(&simulator, &key, Some(&token)).await.status, 200);
    for wrong in [None, Some("else")] {
        assert_eq!(list(&simulator, &key, wrong).await.code(), "UnrecognizedClientException");
    }
    simulator.age_sessions(std::time::Duration::from_secs(3599));
    assert_eq!(list(&simulator, &key, Some(&token)).await.status, 200);
    simulator.age_sessions(std::time::Duration::from_secs(2));
    let expired = list(&simulator, &key, Some(&token)).await;
    assert_eq!((expired.status, expired.code()), (400, "ExpiredTokenException"));
}

#[tokio::test]
async fn role_and_session_policy_must_both_allow_the_action_on_the_stream() {
    let simulator = with_role().await;
    simulator.create_stream("other", 1).expect("created");
    let (key, token) = session(&simulator, "").await;
    for (operation, stream, allowed) in [
        ("DescribeStreamSummary", "orders", true),
        ("DescribeStreamSummary", "other", true),
        ("ListShards", "orders", false),
    ] {
        let answer = kinesis(&simulator, &key, Some(&token), operation, &json!({"StreamName": stream})).await;
        assert_eq!(answer.status == 200, allowed, "{operation} {stream} {}", answer.body);
    }
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "kinesis:*", "Resource": "arn:aws:kinesis:us-east-1:000000000000:stream/orders",
    }]});
    let policy: String = form_urlencoded::byte_serialize(policy.to_string().as_bytes()).collect();
    let (key, token) = session(&simulator, &format!("&Policy={policy}")).await;
    let describe = async |stream: &str| {
        kinesis(&simulator, &key, Some(&token), "DescribeStreamSummary", &json!({"StreamName": stream})).await
    };
    assert_eq!(describe("orders").await.status, 200);
    let refused = describe("other").await;
    assert_eq!((refused.status, refused.code()), (400, "AccessDeniedException"));
    let message = refused.body["message"].as_str().expect("a message");
    assert!(message.ends_with("no session policy allows the kinesis:DescribeStreamSummary action"), "{message}");
    assert_eq!(list(&simulator, &key, Some(&token)).await.code(), "AccessDeniedException");
    // Keys that STS did not issue may do everything, as before.
    assert_eq!(list(&simulator, "AKIAANY", None).await.status, 200);
}

#[tokio::test]
async fn sts_fails_on_command() {
    let simulator = with_role().await;
    let once = |effect| Rule::on(Operation::AssumeRole, effect).times(1);
    simulator.faults([
        once(Effect::HttpError { status: 503, written: false }),
        once(Effect::call_error("RegionDisabledException")),
        once(Effect::Throttle(Selection::All)),
        once(Effect::Latency { ms: 1 }),
    ]);
    let mut codes = Vec::new();
    for _ in 0..4 {
        let answer = assume(&simulator, "AKIASERVICE", ROLE, "&ExternalId=right-id").await;
        codes.push((answer.status, element(&answer, "Code")));
    }
    let expected = [(503, "ServiceUnavailable"), (403, "RegionDisabledException"), (400, "Throttling"), (200, "")];
    assert_eq!(codes, expected.map(|(status, code)| (status, code.to_owned())));
    assert_eq!(simulator.calls_of(Operation::AssumeRole), 4);
    assert!(simulator.fault_reports().iter().all(|report| report.fired == 1));
}

#[tokio::test]
async fn roles_principals_and_sessions_can_be_reached_over_http() {
    let simulator = started().await;
    let admin = async |method, path: &str, body: &Value| {
        let path = format!("/_simulator/{path}");
        request(&simulator, method, &path, "content-type: application/json\r\n", &body.to_string())
            .await
            .expect("answer")
    };
    let role = serde_json::to_value(Role::trusting("writer", SERVICE, Some("right-id"))).expect("JSON");
    assert_eq!(admin("POST", "roles", &json!([role])).await.status, 204);
    assert_eq!(admin("GET", "roles", &Value::Null).await.body, json!([role]));
    let foreign = json!([{"arn": "arn:aws:iam::111122223333:role/x", "trust_policy": {}, "permission_policy": {}}]);
    assert_eq!(admin("POST", "roles", &foreign).await.status, 422);
    assert_eq!(admin("POST", "principals", &json!({"AKIASERVICE": SERVICE})).await.status, 204);
    assert_eq!(admin("GET", "principals", &Value::Null).await.body, json!({"AKIASERVICE": SERVICE}));
    let (key, token) = session(&simulator, "").await;
    assert_eq!(admin("GET", "sessions", &Value::Null).await.body[0]["session_name"], "one");
    assert_eq!(admin("POST", "sessions/age", &json!({"seconds": 3601})).await.status, 204);
    assert_eq!(list(&simulator, &key, Some(&token)).await.code(), "ExpiredTokenException");
    assert_eq!(admin("DELETE", "roles", &Value::Null).await.status, 204);
    assert_eq!(assume(&simulator, "AKIASERVICE", ROLE, "&ExternalId=right-id").await.status, 403);
}

async fn with_role() -> Handle {
    let simulator = started().await;
    simulator.put_principal("AKIASERVICE", SERVICE);
    let permissions = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["kinesis:Describe*", "kinesis:ListStreams"], "Resource": "*"},
    ]});
    let role = Role::trusting("writer", SERVICE, Some("right-id")).permission_policy(permissions);
    simulator.put_role(role).expect("a role");
    simulator
}

async fn session(simulator: &Handle, fields: &str) -> (String, String) {
    let answer = assume(simulator, "AKIASERVICE", ROLE, &format!("&ExternalId=right-id{fields}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    (element(&answer, "AccessKeyId"), element(&answer, "SessionToken"))
}

async fn assume(simulator: &Handle, key: &str, role: &str, fields: &str) -> Answer {
    let name = if fields.contains("RoleSessionName") { "" } else { "&RoleSessionName=one" };
    let body = format!("Action=AssumeRole&Version=2011-06-15&RoleArn={role}{name}{fields}");
    form(simulator, key, None, &body).await
}

async fn form(simulator: &Handle, key: &str, token: Option<&str>, body: &str) -> Answer {
    let headers = format!("content-type: application/x-www-form-urlencoded\r\n{}", signed(key, token, "sts"));
    request(simulator, "POST", "/", &headers, body).await.expect("an answer")
}

async fn list(simulator: &Handle, key: &str, token: Option<&str>) -> Answer {
    kinesis(simulator, key, token, "ListStreams", &json!({})).await
}

async fn kinesis(simulator: &Handle, key: &str, token: Option<&str>, operation: &str, input: &Value) -> Answer {
    let headers = format!(
        "content-type: application/x-amz-json-1.1\r\nx-amz-target: Kinesis_20131202.{operation}\r\n{}",
        signed(key, token, "kinesis")
    );
    request(simulator, "POST", "/", &headers, &input.to_string()).await.expect("an answer")
}

fn signed(key: &str, token: Option<&str>, service: &str) -> String {
    let token = token.map(|token| format!("x-amz-security-token: {token}\r\n")).unwrap_or_default();
    let scope = format!("{key}/20260101/us-east-1/{service}/aws4_request");
    format!("authorization: AWS4-HMAC-SHA256 Credential={scope}, Signature=x\r\n{token}")
}

/// The text of the first element of this name.
fn element(answer: &Answer, name: &str) -> String {
    let after = answer.text.split_once(&format!("<{name}>")).map(|(_, after)| after);
    after.and_then(|after| after.split_once("</")).map(|(text, _)| text.to_owned()).unwrap_or_default()
}
