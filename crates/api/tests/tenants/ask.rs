//! One request for an operation of the document.

use std::collections::BTreeMap;

use serde_json::Value;
use uuid::Uuid;

use crate::cases::{Case, case};
use crate::fixture::{Answer, Client};
use crate::place::Place;

/// The one parameter of paths that is no id: it counts within what the others name.
const NUMBER: &str = "number";

/// By the names of the parameters of paths.
pub(crate) type Ids = BTreeMap<&'static str, String>;

/// What the document says of an operation.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) method: String,
    /// With parameters in braces.
    pub(crate) path: String,
    /// Name and place (`path`, `query`, `header`).
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) takes_body: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: Option<Value>,
    pub(crate) headers: Vec<(&'static str, String)>,
}

pub(crate) fn operations() -> Vec<Operation> {
    let document = serde_json::to_value(api::openapi()).unwrap();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            found.push(Operation {
                id: text(&operation["operationId"]),
                method: method.to_uppercase(),
                path: path.clone(),
                parameters: parameters.map(|found| (text(&found["name"]), text(&found["in"]))).collect(),
                takes_body: operation.get("requestBody").is_some(),
            });
        }
    }
    found
}

impl Operation {
    pub(crate) fn case(&self) -> &'static Case {
        case(&self.id)
    }

    pub(crate) fn has(&self, name: &str, place: &str) -> bool {
        self.parameters.iter().any(|(found, at)| found.eq_ignore_ascii_case(name) && at == place)
    }

    /// The ids.
    pub(crate) fn path_parameters(&self) -> impl Iterator<Item = &str> {
        let named = self.parameters.iter().filter(|(_, place)| place == "path").map(|(name, _)| name.as_str());
        named.filter(|name| *name != NUMBER)
    }

    /// As somebody asks who works in `place`, on these ids.
    pub(crate) fn ask(&self, ids: &Ids, place: &Place, number: u32) -> Ask {
        let case = self.case();
        let mut path = self.path.clone();
        for name in self.path_parameters() {
            let id = ids.get(name).unwrap_or_else(|| panic!("`{name}` in {path} is new: give every place one"));
            path = path.replace(&format!("{{{name}}}"), id);
        }
        path = path.replace(&format!("{{{NUMBER}}}"), "1");
        let query = case.query.map(|query| query(place)).unwrap_or_default();
        if !query.is_empty() {
            path = format!("{path}?{query}");
        }
        let body = case.body.map(|body| body(place, number));
        assert_eq!(body.is_some(), self.takes_body, "{}: a body where the document has one, and nowhere else", self.id);
        let any = ("if-match", "*".to_owned());
        let headers = if self.has("if-match", "header") { vec![any] } else { Vec::new() };
        Ask { method: self.method.clone(), path, body, headers }
    }
}

impl Ask {
    pub(crate) async fn by(&self, client: &Client) -> Answer {
        let headers: Vec<_> = self.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        client.send(&self.method, &self.path, self.body.clone(), &headers).await
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(found, _)| *found != name);
        self.headers.push((name, value.to_owned()));
        self
    }

    /// The same with ids that lead to nothing in the place of these.
    pub(crate) fn without(&self, ids: &Ids) -> Self {
        let mut other = self.clone();
        for id in ids.values() {
            let (prefix, _) = id.split_once('_').unwrap();
            let random = format!("{prefix}_{}", Uuid::now_v7().simple());
            other.path = other.path.replace(id, &random);
            other.body = other.body.map(|body| serde_json::from_str(&body.to_string().replace(id, &random)).unwrap());
        }
        other
    }
}

/// What two answers may not differ in, if the one must not tell more than the other.
pub(crate) fn face(answer: &Answer) -> (u16, String, Vec<(String, String)>) {
    let told = answer.headers.iter().filter(|(name, _)| !["x-request-id", "ratelimit"].contains(&name.as_str()));
    let told = told.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    (answer.status.as_u16(), answer.without_request_id(), told.collect())
}
