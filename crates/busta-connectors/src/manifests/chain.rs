//! `then`: what one manifest finds is what another looks for.
//!
//! The manifests of a chain become one configuration of `type: api`. The first one's keys stand at its top;
//! each further one becomes a service of it, and its streams children of a stream that is there already. So
//! what a record leads to is found, kept and read exactly as with any child stream.

use std::sync::Arc;

use busta_core::connector::{ConfigProblem, PathPart};
use serde_json::{Map, Value, json};

use super::Library;
use super::blame::{Blamed, Part};
use super::manifest::Manifest;

/// Keys of `type: api` that are a service's own.
const OF_SERVICE: [&str; 4] = ["base_url", "auth", "headers", "params"];

/// One element of `then`.
pub struct Link {
    /// Whose streams follow.
    pub manifest: Arc<Manifest>,
    /// Where it stands in the section.
    pub place: Vec<PathPart>,
    /// The stream whose records they follow.
    pub of: String,
    /// Values of these records, by the name of their placeholder.
    pub with: Map<String, Value>,
    /// Fields of these records that every record gets.
    pub include: Map<String, Value>,
    /// Its parameters.
    pub keys: Map<String, Value>,
}

fn key(name: &str) -> PathPart {
    PathPart::Key(name.to_owned())
}

/// The elements of `then`, as far as they are right.
pub fn links(library: &Library, then: Option<Value>, problems: &mut Vec<Blamed>) -> Vec<Link> {
    let mut wrong = |path: Vec<PathPart>, message: String| {
        problems.push(Blamed::User(ConfigProblem { path, message }));
    };
    let items = match then {
        None => return Vec::new(),
        Some(Value::Array(items)) => items,
        Some(_) => {
            wrong(vec![key("then")], "expected a list, each element beginning with `- type:`".to_owned());
            return Vec::new();
        }
    };
    let items = items.into_iter().enumerate();
    items.filter_map(|(index, item)| link(library, index, item, &mut wrong)).collect()
}

fn link(
    library: &Library,
    index: usize,
    item: Value,
    wrong: &mut impl FnMut(Vec<PathPart>, String),
) -> Option<Link> {
    let place = vec![key("then"), PathPart::Index(index)];
    let at = |name: &str| [&place[..], &[key(name)]].concat();
    let Value::Object(mut keys) = item else {
        wrong(place, "expected a mapping with `type:` and `of:`".to_owned());
        return None;
    };
    let known = library.names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let manifest = match keys.remove("type") {
        Some(Value::String(name)) => {
            let found = library.find(&name).cloned();
            if found.is_none() {
                wrong(at("type"), format!("unknown type `{name}`, expected one of {known}"));
            }
            found
        }
        Some(_) => {
            wrong(at("type"), format!("expected one of {known}"));
            None
        }
        None => {
            wrong(place.clone(), format!("missing key `type`, one of {known}"));
            None
        }
    };
    let of = match keys.remove("of") {
        Some(Value::String(of)) => Some(of),
        Some(_) => {
            wrong(at("of"), "expected a text: the stream whose records it follows".to_owned());
            None
        }
        None => {
            wrong(place.clone(), "missing key `of`: the stream whose records it follows".to_owned());
            None
        }
    };
    let mut mapping = |name: &str| match keys.remove(name) {
        Some(Value::Object(map)) => map,
        None | Some(Value::Null) => Map::new(),
        Some(_) => {
            wrong(at(name), "expected a mapping".to_owned());
            Map::new()
        }
    };
    let (with, include) = (mapping("with"), mapping("include"));
    Some(Link { manifest: manifest?, of: of?, with, include, keys, place })
}

/// The keys of the first manifest, its streams shown as its phase.
pub fn begin(mut api: Map<String, Value>, part: &Part) -> Map<String, Value> {
    let mut streams = take_streams(&mut api);
    for stream in &mut streams {
        put(stream, "phase", part.manifest.name());
    }
    api.insert("streams".to_owned(), streams.into());
    api
}

/// Adds the streams of a manifest that follows.
pub fn follow(
    api: &mut Map<String, Value>,
    mut own: Map<String, Value>,
    link: &Link,
    part: &mut Part,
    problems: &mut Vec<Blamed>,
) {
    let name = part.manifest.name().to_owned();
    let mut streams = take_streams(api);
    let before = names(&streams);
    if !before.contains(&link.of) {
        let known = before.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let path = [&link.place[..], &[key("of")]].concat();
        let message = format!("unknown stream `{}`, expected one of {known}", link.of);
        problems.push(Blamed::User(ConfigProblem { path, message }));
    }
    let service = service(api, &name, &mut own);
    let mut added = take_streams(&mut own);
    let own_names = names(&added);
    let twice = own_names.iter().find(|name| before.contains(name));
    if let Some(twice) = twice {
        let path = [&link.place[..], &[key("type")]].concat();
        let message = format!("there is a stream `{twice}` in this source already");
        problems.push(Blamed::User(ConfigProblem { path, message }));
    }
    part.moved(before.len(), &service);
    for (index, stream) in added.iter_mut().enumerate() {
        put(stream, "phase", &name);
        if stream.get("from").is_some() {
            continue;
        }
        put(stream, "service", &service);
        if is_root(stream, &own_names) {
            attach(stream, link, before.len() + index, part);
        }
    }
    streams.append(&mut added);
    api.insert("streams".to_owned(), streams.into());
    widen(api, &own);
}

/// What the services of the source are called, with `name` among them.
fn service(api: &mut Map<String, Value>, name: &str, own: &mut Map<String, Value>) -> String {
    let mut keys = Map::new();
    for name in OF_SERVICE {
        keys.extend(own.remove_entry(name));
    }
    let services = api.entry("services").or_insert_with(|| json!({}));
    let Some(services) = services.as_object_mut() else { return name.to_owned() };
    if let Some(Value::Object(more)) = own.remove("services") {
        services.extend(more);
    }
    let numbered = (2..).map(|n| format!("{name}_{n}"));
    let free = std::iter::once(name.to_owned()).chain(numbered).find(|name| !services.contains_key(name));
    let free = free.unwrap_or_default();
    services.insert(free.clone(), Value::Object(keys));
    free
}

/// Makes a stream a child of the one that is followed.
fn attach(stream: &mut Value, link: &Link, index: usize, part: &mut Part) {
    let made = |name: &str| vec![key("streams"), PathPart::Index(index), key(name)];
    let given = |name: &str| [&link.place[..], &[key(name)]].concat();
    put(stream, "parent", &link.of);
    part.links.push((made("parent"), given("of")));
    let Some(stream) = stream.as_object_mut() else { return };
    for (name, values) in [("with", &link.with), ("include", &link.include)] {
        let there = stream.entry(name).or_insert_with(|| json!({}));
        let Some(there) = there.as_object_mut() else { continue };
        for (value, text) in values {
            there.insert(value.clone(), text.clone());
            let below = |path: Vec<PathPart>| [&path[..], &[key(value)]].concat();
            part.links.push((below(made(name)), below(given(name))));
        }
        if there.is_empty() {
            stream.remove(name);
        }
    }
}

/// The longest answer that any of them expects.
fn widen(api: &mut Map<String, Value>, own: &Map<String, Value>) {
    let size = |keys: &Map<String, Value>| -> Option<busta_core::units::ByteSize> {
        serde_json::from_value(keys.get("max_response_size")?.clone()).ok()
    };
    if let Some(wanted) = size(own)
        && size(api).is_none_or(|there| there.0 < wanted.0)
    {
        api.insert("max_response_size".to_owned(), own["max_response_size"].clone());
    }
}

/// Whether a stream is no child of one of its own manifest.
fn is_root(stream: &Value, own: &[String]) -> bool {
    let named = |name: &String| own.contains(name);
    let parent = stream.get("parent").and_then(Value::as_str).map(str::to_owned);
    let places = ["path", "params", "form", "body"].iter().filter_map(|key| stream.get(key));
    let mentions = |text: &str| own.iter().any(|name| text.contains(&format!("{{{name}.")));
    !parent.as_ref().is_some_and(named) && !places.into_iter().any(|place| any_text(place, &mentions))
}

fn any_text(value: &Value, test: &impl Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => test(text),
        Value::Array(items) => items.iter().any(|item| any_text(item, test)),
        Value::Object(map) => map.values().any(|value| any_text(value, test)),
        _ => false,
    }
}

fn take_streams(api: &mut Map<String, Value>) -> Vec<Value> {
    match api.remove("streams") {
        Some(Value::Array(streams)) => streams,
        _ => Vec::new(),
    }
}

fn names(streams: &[Value]) -> Vec<String> {
    streams.iter().filter_map(|stream| stream.get("name")?.as_str().map(str::to_owned)).collect()
}

fn put(stream: &mut Value, name: &str, value: &str) {
    if let Some(stream) = stream.as_object_mut() {
        stream.insert(name.to_owned(), json!(value));
    }
}

impl Part {
    /// Its origins, where its streams come after `before` others and its own keys are those of `service`.
    fn moved(&mut self, before: usize, service: &str) {
        for origin in &mut self.origins {
            match origin.made.as_mut_slice() {
                [PathPart::Key(first), PathPart::Index(index), ..] if first == "streams" => *index += before,
                [PathPart::Key(first), ..] if OF_SERVICE.contains(&first.as_str()) => {
                    origin.made.splice(0..0, [key("services"), key(service)]);
                }
                _ => {}
            }
        }
    }
}
