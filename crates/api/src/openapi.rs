//! What the macros on the handlers do not say, because it follows from the table of operations and from the layers:
//! security, the problems that any operation can answer with, the headers that layers understand.

use axum::http::Method;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{ComponentsBuilder, ObjectBuilder, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{
    ContentBuilder, HeaderBuilder, InfoBuilder, LicenseBuilder, OpenApi, Ref, RefOr, Required, Response,
    ResponseBuilder,
};
use utoipa::{PartialSchema, ToSchema};

use crate::access::{self, Needs};
use crate::extract::{Cursor, Limit};
use crate::problem::{self, Code, Fault};
use crate::request::takes_idempotency_key;

/// Each operation with its method and path.
pub(crate) fn operations(document: &OpenApi) -> impl Iterator<Item = (Method, &str, &Operation)> {
    document.paths.paths.iter().flat_map(|(path, item)| {
        let all = [
            (Method::GET, &item.get),
            (Method::PUT, &item.put),
            (Method::POST, &item.post),
            (Method::DELETE, &item.delete),
        ];
        all.into_iter().filter_map(|(method, operation)| Some((method, path.as_str(), operation.as_ref()?)))
    })
}

pub(crate) fn complete(mut document: OpenApi, version: &str) -> OpenApi {
    document.info = InfoBuilder::new()
        .title("Rowcast")
        .version(version)
        .description(Some(description()))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
        .build();
    let components = document.components.take().map_or_else(ComponentsBuilder::new, ComponentsBuilder::from);
    let components = components
        .schema("Problem", problem::Body::schema())
        .schema(Fault::name(), Fault::schema())
        // The shapes of query parameters are not collected from handlers.
        .schema(Limit::name(), Limit::schema())
        .schema(Cursor::name(), Cursor::schema())
        .security_scheme("api_key", bearer())
        .security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("__Host-rowcast_session"))));
    document.components = Some(components.build());
    for (path, item) in &mut document.paths.paths {
        let has_ids = path.contains('{');
        for (method, operation) in each(item) {
            complete_operation(&method, operation, has_ids);
        }
    }
    document
}

fn each(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let all = [
        (Method::GET, &mut item.get),
        (Method::PUT, &mut item.put),
        (Method::POST, &mut item.post),
        (Method::DELETE, &mut item.delete),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

fn complete_operation(method: &Method, operation: &mut Operation, has_ids: bool) {
    let known = operation.operation_id.as_deref().and_then(access::find);
    // A test finds operations that are not in the table; at run time nobody gets in.
    let (id, needs) = known.unwrap_or(("", Needs::Session));
    secure(operation, needs);
    add_header_parameters(method, operation, id, needs);
    for code in possible(method, operation, needs, has_ids) {
        let responses = &mut operation.responses.responses;
        let status = code.status().as_str().to_owned();
        responses.entry(status).or_insert_with(|| RefOr::T(Response::new(code.title())));
    }
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response {
            finish_response(status, response);
        }
    }
}

/// Problems that follow from the kind of the operation. What is its own stands at its handler.
fn possible(method: &Method, operation: &Operation, needs: Needs, has_ids: bool) -> Vec<Code> {
    let mut codes = vec![Code::RateLimited, Code::Internal, Code::Busy, Code::TimedOut];
    let parameter = |name: &str| find_parameter(operation, name);
    if operation.request_body.is_some() {
        codes.extend([Code::MalformedJson, Code::TooLarge, Code::UnsupportedMediaType, Code::Invalid]);
    }
    if needs != Needs::Public {
        codes.extend([Code::Unauthenticated, Code::Forbidden]);
    }
    if has_ids {
        codes.push(Code::NotFound);
    }
    if !method.is_safe() {
        codes.push(Code::CrossSite);
    }
    if *method == Method::POST {
        codes.push(Code::IdempotencyUnsupported);
    }
    if parameter("Idempotency-Key").is_some() {
        // Its body is read before it is judged.
        codes.extend([Code::IdempotencyInProgress, Code::IdempotencyKeyReused, Code::TooLarge, Code::BadRequest]);
    }
    if let Some(condition) = parameter("If-Match") {
        codes.extend([Code::Stale, Code::Invalid]);
        if matches!(condition.required, Required::True) {
            codes.push(Code::PreconditionRequired);
        }
    }
    if operation
        .parameters
        .iter()
        .flatten()
        .any(|found| matches!(found, RefOr::T(p) if p.parameter_in == ParameterIn::Query))
    {
        codes.push(Code::Invalid);
    }
    codes
}

fn add_header_parameters(method: &Method, operation: &mut Operation, id: &str, needs: Needs) {
    let mut added = Vec::new();
    if takes_idempotency_key(method, id, needs) {
        let text = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(255));
        let text = text.pattern(Some("^[\\x20-\\x7e]+$"));
        let about = "Makes it safe to repeat the request: within 24 hours the same key gets the first answer again, with \
                     the header `Idempotency-Replayed: true`.";
        added.push(header("Idempotency-Key", about, text));
    }
    let gives_etag = operation
        .responses
        .responses
        .get("200")
        .is_some_and(|response| matches!(response, RefOr::T(response) if response.headers.contains_key("ETag")));
    if *method == Method::GET && gives_etag {
        let about = "An ETag from before: 304 without a body if it is still the current one.";
        added.push(header("If-None-Match", about, ObjectBuilder::new().schema_type(Type::String)));
        let unchanged = Response::new("It has not changed.");
        operation.responses.responses.insert("304".to_owned(), RefOr::T(unchanged));
    }
    if !added.is_empty() {
        operation.parameters.get_or_insert_default().extend(added.into_iter().map(RefOr::T));
    }
}

fn header(name: &str, about: &str, schema: ObjectBuilder) -> Parameter {
    let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Header).required(Required::False);
    parameter.description(Some(about)).schema(Some(schema)).build()
}

fn secure(operation: &mut Operation, needs: Needs) {
    let none: [&str; 0] = [];
    let (schemes, text) = match needs {
        Needs::Public => (Vec::new(), "Needs no credentials.".to_owned()),
        Needs::Session => (vec!["session"], "Needs a signed-in person; API keys are refused.".to_owned()),
        Needs::Role(role) => {
            (vec!["api_key", "session"], format!("Needs the role `{}` or a higher one.", role.as_str()))
        }
    };
    operation.security = Some(schemes.into_iter().map(|name| SecurityRequirement::new(name, none)).collect());
    let before = operation.description.take().filter(|text| !text.is_empty());
    operation.description = Some(before.map_or(text.clone(), |before| format!("{before}\n\n{text}")));
}

/// Every refusal has the same shape; every answer tells its request's id.
fn finish_response(status: &str, response: &mut Response) {
    let is_problem = status.starts_with('4') || status.starts_with('5');
    let mut builder = ResponseBuilder::from(std::mem::take(response));
    let id = ObjectBuilder::new().schema_type(Type::String);
    builder = builder.header("X-Request-Id", HeaderBuilder::new().schema(Some(id)).build());
    if is_problem {
        let schema = RefOr::Ref(Ref::from_schema_name("Problem"));
        builder = builder.content(problem::CONTENT_TYPE, ContentBuilder::new().schema(Some(schema)).build());
    }
    if status == "429" || status == "503" {
        let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
        builder = builder.header("Retry-After", HeaderBuilder::new().schema(Some(seconds)).build());
    }
    *response = builder.build();
}

fn find_parameter<'a>(operation: &'a Operation, name: &str) -> Option<&'a Parameter> {
    operation.parameters.iter().flatten().find_map(|found| match found {
        RefOr::T(parameter) if parameter.name.eq_ignore_ascii_case(name) => Some(parameter),
        _ => None,
    })
}

fn bearer() -> SecurityScheme {
    let http = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("rc_live_<id>_<secret>");
    SecurityScheme::Http(http.description(Some("An API key of the workspace in the path.")).build())
}

fn description() -> String {
    let mut text = "Rows of a SQL model, as they change, into an Amazon Kinesis stream.\n\n\
        Ids are texts with a prefix. Lists come in pages: pass `next_cursor` as `cursor`. A single resource has an `ETag`; \
        changing it takes `If-Match`. Times are RFC 3339 in UTC. Unknown members and parameters are refused.\n\n\
        ## Problems\n\nEvery refusal is `application/problem+json` with one of these codes:\n\n"
        .to_owned();
    for code in Code::ALL {
        text += &format!("- `{}` ({}): {}\n", code.as_str(), code.status().as_u16(), code.explanation());
    }
    text
}
