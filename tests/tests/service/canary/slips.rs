//! Secrets in the wrong place, as people and programs put them there: generated from the document, for every operation that
//! takes a body or a parameter.

use serde_json::{Value, json};

use super::search::Search;
use super::{AWS_SECRET, People, SOURCE_PASSWORD, WEBHOOK};
use crate::world::PATIENCE;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const SLIP: &str = "CnrySlip\"/0f+7ö=88e1b&5c";

/// Gives the search for what was only put where it does not belong: some of it was taken, such as a password as a name, and
/// then is shown as what it was given for. It must not be in refusals and logs.
pub(super) async fn make(search: &mut Search, url_of_api: &str, people: &People) -> Search {
    let ann = &people.ann;
    let mut slips = Search::default();
    slips.secret("a slip", SLIP);
    let document = ann.client.get("/openapi.json").await.expect(200).body;
    let mut asked = 0;
    let ids = ids(people).await;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            let is_session = operation["security"][0].get("session").is_some();
            let client = if is_session { &ann.session } else { &ann.client };
            let body = &operation["requestBody"]["content"]["application/json"]["schema"];
            // Without a body nothing but the path is asked about, and that must not do anything.
            let path = fill(path, &ann.workspace, if body.is_null() { &[] } else { &ids });
            for body in bodies(&document, body) {
                let answer = client.send(&method.to_uppercase(), &path, Some(body), &[("if-match", "*")]).await;
                if answer.status >= 400 {
                    slips.heard(&format!("{id} with a secret in the wrong place"), &answer);
                }
                asked += 1;
            }
            for parameter in
                operation["parameters"].as_array().into_iter().flatten().filter(|found| found["in"] == "query")
            {
                let name = parameter["name"].as_str().unwrap();
                let query = format!("{path}?{name}=CnryAwsSecret%2F7b2c%2BK3y%3Dd41f");
                // Deleting takes the name of a workspace here, which this is not.
                let answer = client.send(&method.to_uppercase(), &query, None, &[]).await;
                search.heard(&format!("{id}?{name}"), &answer);
                asked += 1;
            }
        }
    }
    assert!(asked > 500, "only {asked} slips were made");
    by_hand(search, url_of_api, people).await;
    slips
}

/// One of each that there is.
async fn ids(people: &People) -> Vec<(String, String)> {
    let mut ids = Vec::new();
    for (list, parameter) in
        [("sources", "source_id"), ("models", "model_id"), ("destinations", "destination_id"), ("syncs", "sync_id")]
    {
        let found = people.ann.get(&format!("/{list}?limit=1")).await.expect(200);
        ids.push((format!("{{{parameter}}}"), found.body["items"][0]["id"].as_str().unwrap().to_owned()));
    }
    ids
}

/// With ids of nothing where there is no other.
fn fill(path: &str, workspace: &str, ids: &[(String, String)]) -> String {
    let path = path.replace("{workspace_id}", workspace);
    let mut path = ids.iter().fold(path, |path, (parameter, id)| path.replace(parameter, id));
    while let (Some(start), Some(end)) = (path.find('{'), path.find('}')) {
        path.replace_range(start..=end, "none_00000000000000000000000000000000");
    }
    path
}

/// For each member that the schema has, at any depth: a secret, a list of one, an object of one; and whole bodies that are one.
fn bodies(document: &Value, schema: &Value) -> Vec<Value> {
    if schema.is_null() {
        return Vec::new();
    }
    let secret = SLIP;
    let mut found = vec![json!(secret), json!([secret]), json!({ secret: 1 }), json!({"password": secret})];
    for path in members(document, schema, 0) {
        // So long that no limit lets it through, too.
        for wrong in
            [json!(secret), json!([secret]), json!({ secret: secret }), json!(secret.repeat(400)), json!([[secret]])]
        {
            found.push(path.iter().rev().fold(wrong, |inner, name| json!({ name: inner })));
        }
    }
    found
}

fn members(document: &Value, schema: &Value, depth: usize) -> Vec<Vec<String>> {
    let schema = match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    };
    let mut found = Vec::new();
    if depth > 3 {
        return found;
    }
    for (name, of_member) in schema["properties"].as_object().into_iter().flatten() {
        found.push(vec![name.clone()]);
        for inner in members(document, of_member, depth + 1) {
            found.push([vec![name.clone()], inner].concat());
        }
    }
    for list in ["oneOf", "anyOf", "allOf"] {
        for part in schema[list].as_array().into_iter().flatten() {
            found.extend(members(document, part, depth + 1));
        }
    }
    found.sort();
    found.dedup();
    found
}

/// The ones that really happen.
async fn by_hand(search: &mut Search, url_of_api: &str, people: &People) {
    let ann = &people.ann;
    let source = |change: Value| {
        let mut postgres = json!({"host": "db.example.com", "database": "d", "user": "u", "password": SOURCE_PASSWORD});
        for (name, value) in change.as_object().unwrap() {
            postgres[name] = value.clone();
        }
        json!({"name": "slip", "postgres": postgres})
    };
    let url = format!("postgres://u:{SOURCE_PASSWORD}@db.example.com/d");
    for body in [
        source(json!({ "host": url })),
        source(json!({"host": format!("db.example.com password={SOURCE_PASSWORD}")})),
        source(json!({"port": SOURCE_PASSWORD})),
        source(json!({"tls": SOURCE_PASSWORD})),
        source(json!({"ca": WEBHOOK})),
        source(json!({"passwort": SOURCE_PASSWORD})),
        source(json!({"password": [SOURCE_PASSWORD]})),
        source(json!({"password": SOURCE_PASSWORD.repeat(2000)})),
        json!({"name": "slip", "postgres": {"url": url}}),
        json!({"name": "slip", "postgres": url}),
    ] {
        let answer = ann.post("/sources", body.clone()).await;
        assert!((400..500).contains(&answer.status), "{body}: {}", answer.text);
        search.heard("a source with a slip", &answer);
    }
    for credentials in [
        json!({"type": AWS_SECRET}),
        json!({"type": "role", "role_arn": AWS_SECRET}),
        json!({"type": "role", "role_arn": "arn:aws:iam::111122223333:role/r", "secret_access_key": AWS_SECRET}),
        json!({"type": "access-key", "access_key_id": AWS_SECRET, "secret_acess_key": AWS_SECRET}),
        json!(AWS_SECRET),
    ] {
        let body = json!({"name": "slip", "region": "eu-central-1", "credentials": credentials});
        let answer = ann.post("/destinations", body).await;
        assert!((400..500).contains(&answer.status), "{}", answer.text);
        search.heard("a destination with a slip", &answer);
    }
    // A body that is no JSON.
    for text in
        [format!("{{\"password\": \"{AWS_SECRET}"), format!("password={AWS_SECRET}"), format!("\"{AWS_SECRET}\" x")]
    {
        let said = post_text(url_of_api, &ann.at("/sources"), &ann.client.headers[0].1, &text).await;
        assert!(said.starts_with("HTTP/1.1 400 "), "{said}");
        search.told("no JSON", &said);
    }
    // In headers that are no credentials.
    for name in ["x-request-id", "idempotency-key", "if-none-match", "last-event-id", "user-agent"] {
        let answer = ann.client.send("GET", &ann.at("/sources"), None, &[(name, AWS_SECRET)]).await;
        search.heard(name, &answer);
    }
}

/// Whatever text one wants, and the whole answer as it came.
async fn post_text(api: &str, path: &str, authorization: &str, text: &str) -> String {
    let address = api.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: {authorization}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{text}",
        text.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    answer
}
