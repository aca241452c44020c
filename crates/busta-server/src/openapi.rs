//! The description of the API: what the routes say of themselves, and what all of them have in common.

use utoipa::openapi::path::{Operation, Parameter, PathItem};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, Header, Info, License, ObjectBuilder, OpenApi, OpenApiBuilder, Ref,
    RefOr, Required, Response, ResponseBuilder, Schema, Type, tag::TagBuilder,
};
use utoipa::{PartialSchema, ToSchema};

use crate::activity::ACTIONS;
use crate::app::Description;
use crate::content::Content;
use crate::problem::{Document, Fault, MEDIA_TYPE};
use crate::reference;

const INTRODUCTION: &str = "What `busta serve` can be asked, and told. \
    Times are RFC 3339 in UTC, durations are numbers whose name ends in their unit, sizes are bytes; fields \
    that do not apply are absent. Lists come in parts: give `next` as `cursor` to get the next. \
    Every error is a problem document (RFC 9457).";

/// The groups of routes, in the order of the reference.
const TAGS: [(&str, &str); 10] = [
    ("overview", "Everything at a glance."),
    ("sources", "What is collected, how it does, and when."),
    ("runs", "Collections: those under way, waiting, and ended."),
    ("failures", "What could not be read, transformed or written."),
    ("activity", "What happens, live and before."),
    ("data", "What has been collected."),
    ("history", "What became of collected records, and edits by hand. Tables need a change log for it."),
    ("resources", "What the process uses, and its metrics."),
    ("probes", "For supervisors."),
    ("reference", "The API itself."),
];

/// The beginning of the document; the routes add themselves.
pub(crate) fn head() -> OpenApi {
    let mut info = Info::new("busta", env!("CARGO_PKG_VERSION"));
    info.description = Some(INTRODUCTION.to_owned());
    info.license = Some(License::new("MIT OR Apache-2.0"));
    let tag = |(name, words): (&str, &str)| TagBuilder::new().name(name).description(Some(words)).build();
    let components = ComponentsBuilder::new()
        .schema(Document::name(), Document::schema())
        .schema(Fault::name(), Fault::schema())
        .security_scheme("token", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)))
        .build();
    OpenApiBuilder::new().info(info).tags(Some(TAGS.map(tag))).components(Some(components)).build()
}

/// Adds what no route says, and writes the document and its page.
pub(crate) fn describe(mut document: OpenApi) -> Description {
    for (path, item) in &mut document.paths.paths {
        complete(path, item);
    }
    let json = serde_json::to_value(&document).unwrap_or_default();
    let page = reference::page(&json);
    Description {
        document: Content::new("application/json", "no-cache", json.to_string()),
        page: Content::new("text/html; charset=utf-8", "no-cache", page),
    }
}

fn complete(path: &str, item: &mut PathItem) {
    let operations = [
        (false, &mut item.get),
        (true, &mut item.post),
        (true, &mut item.put),
        (true, &mut item.patch),
        (true, &mut item.delete),
    ];
    for (changes, operation) in operations {
        if let Some(operation) = operation {
            common(path, changes, operation);
        }
    }
}

/// What any route may answer: problems, and to a `GET` that it has not changed.
fn common(path: &str, changes: bool, operation: &mut Operation) {
    let tag = operation.tags.iter().flatten().next().cloned().unwrap_or_default();
    let api = path.starts_with("/api/v1/") && tag != "reference";
    let has_body = operation.request_body.is_some();
    if let Some(name) = &mut operation.operation_id {
        *name = format!("{tag}_{name}");
    }
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter {
            name_actions(parameter);
        }
    }
    if let Some(RefOr::T(body)) = &mut operation.request_body {
        body.required = Some(Required::False);
    }
    if api || path == "/metrics" {
        operation.security = Some(vec![SecurityRequirement::new("token", [""; 0])]);
    }
    let guarded = operation.security.is_some();
    // Of the only dataset with a view, which may not be there.
    let is_of_a_view = ["/recent", "/stats", "/trending"].iter().any(|end| path.ends_with(end));
    let streamed = path.ends_with("/stream") || path.ends_with("/export") || !path.starts_with("/api/");
    let problems = [
        (true, 400, "The request is wrong; `errors` says what of it"),
        (guarded, 401, "This needs a valid token"),
        (true, 403, "Not with this token, under this name or from this page"),
        (path.contains('{') || has_body || is_of_a_view, 404, "There is no such thing"),
        (has_body, 408, "The body did not come"),
        (changes && tag != "activity", 409, "Not as things stand"),
        (true, 413, "The body is too large"),
        (has_body, 415, "The body is not JSON"),
        (true, 429, "Too many requests from your address"),
        (true, 500, "The server made a mistake"),
        (path != "/ready", 503, "It may work later"),
    ];
    let responses = &mut operation.responses.responses;
    for (_, status, words) in problems.into_iter().filter(|(applies, ..)| *applies) {
        responses.insert(status.to_string(), RefOr::T(problem(status, words)));
    }
    if !changes && !streamed {
        let unchanged =
            ResponseBuilder::new().description("The client has it: `If-None-Match` names its `ETag`");
        responses.insert("304".to_owned(), RefOr::T(unchanged.build()));
    }
    name_answers(operation);
}

/// Lists of actions hold those there are.
fn name_actions(parameter: &mut Parameter) {
    if parameter.name == "action"
        && let Some(RefOr::T(Schema::Object(schema))) = &mut parameter.schema
    {
        let one = ACTIONS.map(|action| action.as_str()).join("|");
        schema.pattern = Some(format!("^(({one})(,({one}))*)?$"));
    }
}

/// Every answer has a description.
fn name_answers(operation: &mut Operation) {
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response
            && response.description.is_empty()
        {
            response.description = "What was asked for".to_owned();
        }
    }
}

fn problem(status: u16, words: &str) -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(Document::name()))).build();
    let mut response = ResponseBuilder::new().description(words).content(MEDIA_TYPE, content);
    if matches!(status, 429 | 503) {
        let seconds = ObjectBuilder::new().schema_type(Type::Integer).build();
        let mut header = Header::new(seconds);
        header.description = Some("When to try again, in seconds".to_owned());
        response = response.header("Retry-After", header);
    }
    response.build()
}
