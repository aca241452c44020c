//! From the configuration to streams that can be read, or everything that is wrong with it.

use std::collections::BTreeMap;

use busta_core::connector::{Built, SourceContext};
use busta_core::{StreamSpec, WriteMode};
use http::{HeaderName, HeaderValue, Method};
use url::Url;

use super::config::{ApiConfig, CursorConfig, MethodName, StreamConfig};
use super::cut::Cut;
use super::family::Family;
use super::pagination;
use super::path::{RecordsPath, Taken};
use super::problems::Problems;
use super::since::Since;
use super::stream::{Api, Asked, Stream};
use super::template::{FieldRef, JsonTemplate, Template};
use super::values::Params;
use crate::http::{Auth, AuthSettings, HttpClient, KeyPlace};

/// Checks `config` and compiles it.
pub fn compile(config: &ApiConfig, context: &SourceContext) -> Built<Api> {
    let mut problems = Problems::default();
    let base = base_url(&config.base_url, &mut problems);
    let auth = base.as_ref().map(|base| Auth::new(&config.auth, base));
    if let Some(Err(message)) = &auth {
        problems.add("auth", message);
    }
    let common = Common {
        params: templates(&config.params, "params", &mut problems),
        headers: headers(&config.headers, &mut problems),
        key: match &config.auth {
            AuthSettings::ApiKey { name, place: KeyPlace::Query, .. } => Some(name.clone()),
            _ => None,
        },
    };
    if let Some((name, _)) = common.params.iter().find(|(_, template)| template.fields().next().is_some()) {
        problems.within("params", None, |p| p.add(name, "placeholders belong into a stream's own `params`"));
    }
    if config.streams.is_empty() {
        problems.add("streams", "must have at least one stream");
    }
    if config.max_response_size.0 == 0 || config.max_response_size.0 >= u64::from(u32::MAX) {
        problems.add("max_response_size", "must be at least 1 and less than 4GiB");
    }
    let mut streams: Vec<Stream> = Vec::new();
    for (index, stream) in config.streams.iter().enumerate() {
        let compiled = problems.within("streams", Some(index), |problems| {
            if config.streams[..index].iter().any(|other| other.name == stream.name) {
                problems.add("name", format!("there is another stream `{}` in this source", stream.name));
            }
            compile_stream(stream, &common, problems)
        });
        streams.push(compiled);
    }
    Family::of(&streams, &mut problems).join(&mut streams);
    let problems = problems.finish();
    match (base, auth) {
        (Some(base), Some(Ok(auth))) if problems.is_empty() => Ok(Api {
            client: HttpClient::new(context).with_auth(auth),
            base,
            max_response_bytes: config.max_response_size.0,
            streams,
        }),
        _ => Err(problems),
    }
}

/// What every stream gets from the source.
struct Common {
    params: Vec<(String, Template)>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// The query parameter of the API key.
    key: Option<String>,
}

fn base_url(text: &str, problems: &mut Problems) -> Option<Url> {
    let wrong = match Url::parse(text) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() => {
            "must start with http:// or https:// and a host".to_owned()
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            "must not hold a user name or password; use `auth: { type: basic, … }`".to_owned()
        }
        Ok(url) if url.query().is_some() || url.fragment().is_some() => {
            "must not have a query; use `params`".to_owned()
        }
        Ok(url) => return Some(url),
        Err(error) => format!("is no URL: {error}; expected something like https://shop.example/api"),
    };
    problems.add("base_url", wrong);
    None
}

fn compile_stream(config: &StreamConfig, common: &Common, problems: &mut Problems) -> Stream {
    if config.name.trim().is_empty() {
        problems.add("name", "must not be empty");
    }
    let records = records_path(config.records.as_deref(), problems);
    let pagination = problems.within("pagination", None, |problems| {
        pagination::compile(&config.pagination, &config.params, common.key.as_deref(), problems)
    });
    let place = match &records {
        RecordsPath::Simple(segments, taken) => Some((segments.clone(), *taken)),
        RecordsPath::Auto | RecordsPath::General(..) => None::<(_, Taken)>,
    };
    let cut = Cut::new(place, &pagination.values());
    let include = config.include.iter().filter_map(|(name, field)| {
        let parsed = FieldRef::parse(field);
        parsed
            .map_err(|message| problems.within("include", None, |p| p.add(name, message)))
            .ok()
            .map(|f| (name.clone(), f))
    });
    let include = include.collect();
    Stream {
        spec: spec(config, problems),
        asked: asked(config, common, problems),
        records,
        cut,
        pagination,
        since: config.cursor.as_ref().map(|cursor| since(cursor, problems)),
        include,
        children: Vec::new(),
        family: Vec::new(),
    }
}

fn records_path(text: Option<&str>, problems: &mut Problems) -> RecordsPath {
    let Some(text) = text else { return RecordsPath::Auto };
    RecordsPath::parse(text).unwrap_or_else(|message| {
        problems.add("records", message);
        RecordsPath::Auto
    })
}

fn spec(config: &StreamConfig, problems: &mut Problems) -> StreamSpec {
    let key = config.primary_key.0.clone();
    if config.write_mode == Some(WriteMode::Merge) && key.is_empty() {
        problems.add("write_mode", "merge needs a `primary_key`");
    }
    let mut spec = StreamSpec::new(config.name.as_str(), key);
    spec.table = config.table.clone().unwrap_or(spec.table);
    spec.write_mode = config.write_mode.unwrap_or(spec.write_mode);
    // The destination compares a top-level field only.
    spec.cursor_field =
        config.cursor.as_ref().map(|cursor| cursor.field.clone()).filter(|f| !f.contains('.'));
    spec
}

fn asked(config: &StreamConfig, common: &Common, problems: &mut Problems) -> Asked {
    if config.path.contains("://") {
        problems.add("path", "must be what comes after `base_url`, not a whole URL");
    }
    let path = template(&config.path, "path", problems);
    let mut params = common.params.clone();
    let own = templates(&config.params, "params", problems);
    params.retain(|(name, _)| !own.iter().any(|(known, _)| known == name));
    params.extend(own);
    let mut all_headers = common.headers.clone();
    all_headers.extend(headers(&config.headers, problems));
    let body = config
        .body
        .as_ref()
        .and_then(|body| JsonTemplate::parse(body).map_err(|message| problems.add("body", message)).ok());
    let form = config.form.as_ref().map(|form| templates(form, "form", problems));
    let sends = config.body.is_some() || config.form.is_some();
    if config.body.is_some() && config.form.is_some() {
        problems.add("form", "a request has either a `body` or a `form`");
    }
    if config.method == MethodName::Get && sends {
        problems.add("method", "a request with a `body` or `form` needs `method: POST`");
    }
    let method = if config.method == MethodName::Post { Method::POST } else { Method::GET };
    Asked { method, path, params, headers: all_headers, body, form }
}

fn since(config: &CursorConfig, problems: &mut Problems) -> Since {
    problems.within("cursor", None, |problems| {
        if config.field.split('.').any(str::is_empty) {
            problems.add("field", "must be the name of a field, such as updated_at");
        }
        for (key, set) in [("start", config.start.is_some()), ("lookback", config.lookback.is_some())] {
            if set && config.param.is_none() {
                problems.add(key, "needs `param`: the parameter that asks for what is newer");
            }
        }
    });
    Since {
        field: config.field.split('.').map(str::to_owned).collect(),
        param: config.param.clone().map(|param| (param, config.place)),
        format: config.format,
        start: config.start.clone().map(|start| start.0),
        lookback: config.lookback.and_then(|span| chrono::TimeDelta::from_std(span.0).ok()),
    }
}

fn template(text: &str, key: &str, problems: &mut Problems) -> Template {
    Template::parse(text).unwrap_or_else(|message| {
        problems.add(key, message);
        Template::default()
    })
}

fn templates(params: &Params, key: &str, problems: &mut Problems) -> Vec<(String, Template)> {
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
