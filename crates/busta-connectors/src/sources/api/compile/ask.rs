//! How something is asked for: the keys that streams and `follow` have in common.

use std::collections::BTreeMap;

use http::{HeaderName, HeaderValue, Method};
use serde_json::Value;

use super::super::config::MethodName;
use super::super::cut::Cut;
use super::super::family::Use;
use super::super::path::{RecordsPath, Segment, Taken};
use super::super::problems::Problems;
use super::super::stream::{Asked, Endpoint};
use super::super::template::{JsonTemplate, Template};
use super::super::values::Params;
use super::service::Shared;
use crate::jq::Program;

/// The keys of a request.
pub struct Keys<'a> {
    pub path: &'a str,
    pub method: MethodName,
    pub params: &'a Params,
    pub headers: &'a BTreeMap<String, String>,
    pub body: Option<&'a Value>,
    pub form: Option<&'a Params>,
}

impl Keys<'_> {
    /// The request that they describe, to an API with these `shared` settings.
    pub fn asked(&self, shared: Option<&Shared>, problems: &mut Problems) -> Asked {
        if self.path.contains("://") {
            problems.add("path", "must be what comes after `base_url`, not a whole URL");
        }
        let path = template(self.path, "path", problems);
        let own = templates(self.params, "params", problems);
        let mut params = shared.map(|shared| shared.params.clone()).unwrap_or_default();
        params.retain(|(name, _)| !own.iter().any(|(known, _)| known == name));
        params.extend(own);
        let mut all_headers = shared.map(|shared| shared.headers.clone()).unwrap_or_default();
        all_headers.extend(headers(self.headers, problems));
        let body = self
            .body
            .and_then(|body| JsonTemplate::parse(body).map_err(|message| problems.add("body", message)).ok());
        let form = self.form.map(|form| templates(form, "form", problems));
        if self.body.is_some() && self.form.is_some() {
            problems.add("form", "a request has either a `body` or a `form`");
        }
        if self.method == MethodName::Get && (self.body.is_some() || self.form.is_some()) {
            problems.add("method", "a request with a `body` or `form` needs `method: POST`");
        }
        let method = if self.method == MethodName::Post { Method::POST } else { Method::GET };
        Asked { method, path, params, headers: all_headers, body, form }
    }
}

/// Where the items of an answer are, and what is made of them. `values` are what pagination looks at.
pub fn endpoint(
    asked: Asked,
    records: Option<&str>,
    values: Vec<Option<Vec<Segment>>>,
    map: Option<Program>,
    problems: &mut Problems,
) -> Endpoint {
    let records = records_path(records, problems);
    let place = match &records {
        RecordsPath::Simple(segments, taken) => Some((segments.clone(), *taken)),
        RecordsPath::Auto | RecordsPath::General(..) => None::<(_, Taken)>,
    };
    Endpoint { asked, records, cut: Cut::new(place, &values), values, map }
}

fn records_path(text: Option<&str>, problems: &mut Problems) -> RecordsPath {
    let Some(text) = text else { return RecordsPath::Auto };
    RecordsPath::parse(text).unwrap_or_else(|message| {
        problems.add("records", message);
        RecordsPath::Auto
    })
}

/// The program under `key`.
pub fn program(text: &str, variables: &[&str], key: &str, problems: &mut Problems) -> Option<Program> {
    let wrong = |message| problems.add(key, format!("is no jq program: {message}"));
    Program::with_variables(text, variables).map_err(wrong).ok()
}

/// What the placeholders of a request name, and where they stand below the keys `above`.
pub fn uses(asked: &Asked, above: &[&str]) -> Vec<Use> {
    let place = |keys: &[&str]| above.iter().chain(keys).map(|key| (*key).to_owned()).collect::<Vec<_>>();
    let mut uses: Vec<Use> = Vec::new();
    let mut named = |template: &Template, place: Vec<String>| {
        uses.extend(template.fields().map(|field| Use { field: field.clone(), place: place.clone() }));
    };
    named(&asked.path, place(&["path"]));
    asked.params.iter().for_each(|(name, template)| named(template, place(&["params", name])));
    asked.form.iter().flatten().for_each(|(name, template)| named(template, place(&["form", name])));
    let body = asked.body.iter().flat_map(|body| body.fields());
    uses.extend(body.map(|field| Use { field: field.clone(), place: place(&["body"]) }));
    uses
}

fn template(text: &str, key: &str, problems: &mut Problems) -> Template {
    Template::parse(text).unwrap_or_else(|message| {
        problems.add(key, message);
        Template::default()
    })
}

/// Parameters whose values may hold placeholders.
pub fn templates(params: &Params, key: &str, problems: &mut Problems) -> Vec<(String, Template)> {
    problems.within(key, None, |problems| {
        params.0.iter().map(|(name, text)| (name.clone(), template(text, name, problems))).collect()
    })
}

/// The headers that `headers:` sets; what cannot be one becomes a problem.
pub(in crate::sources) fn headers(
    headers: &BTreeMap<String, String>,
    problems: &mut Problems,
) -> Vec<(HeaderName, HeaderValue)> {
    problems.within("headers", None, |problems| {
        let header = |(name, value): (&String, &String)| {
            let Ok(header) = HeaderName::try_from(name.as_str()) else {
                problems.add(name, "cannot be the name of a header");
                return None;
            };
            let value = HeaderValue::try_from(value.as_str());
            value
                .map_err(|_| problems.add(name, "holds characters that no header can carry"))
                .ok()
                .map(|v| (header, v))
        };
        headers.iter().filter_map(header).collect()
    })
}
