//! How a source is configured, for people to look at: what its section says, without secrets.

use busta_connectors::formats::yaml::{Content, Entry, Node};
use busta_core::secret::{MASK, shown_url, sounds_secret};
use serde_json::{Map, Value};

use super::expand::smells_of_secret;
use super::kinds::Kind;

/// Keys of a section that are shown elsewhere, each in a better way.
const ELSEWHERE: [&str; 5] = ["name", "type", "preset", "schedule", "budget"];

/// Keys that say what is sent.
const SENT: [&str; 5] = ["headers", "params", "query", "form", "body"];

/// Headers that say nothing secret. Any other may.
const PLAIN_HEADERS: [&str; 4] = ["accept", "accept-language", "content-type", "user-agent"];

/// What the environment gives is a secret under any key but these.
const OPEN: [&str; 6] = ["base_url", "concurrency", "folder", "paths", "rate_limit", "url"];

/// Keys of credentials that say what they are, and not what they consist of.
const OF_CREDENTIALS: [&str; 3] = ["type", "grant", "in"];

/// How a source is configured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shown {
    /// The preset that is chosen.
    pub preset: Option<String>,
    /// The presets of its type by name, each with what it sets.
    pub presets: Vec<(String, Map<String, Value>)>,
    /// What the section says, in its order; then what the preset sets besides, then what is usual.
    pub settings: Vec<Setting>,
}

/// A key with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// The key.
    pub name: String,
    /// Its value, without secrets.
    pub value: Value,
    /// Who says so.
    pub origin: Origin,
}

/// Who says what a setting is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The section.
    Section,
    /// Its preset.
    Preset,
    /// Nobody: it is so unless somebody says otherwise.
    Default,
}

impl Shown {
    /// What `section` says of a source of this kind.
    pub fn of(section: &Node, kind: &Kind) -> Self {
        let Content::Map(entries) = &section.content else { return Self::default() };
        let manifest = match kind {
            Kind::Manifest(manifest) => Some(manifest),
            Kind::Connector(_) => None,
        };
        let is_credentials = |key: &str| manifest.is_some_and(|manifest| manifest.takes_credentials_as(key));
        let shown = entries.iter().filter(|entry| !ELSEWHERE.contains(&entry.key.as_str()));
        let setting = |entry: &Entry| {
            let place = Place { in_credentials: is_credentials(&entry.key), ..Place::default() };
            let value = below(&entry.key, &entry.value, place);
            Setting { name: entry.key.clone(), value, origin: Origin::Section }
        };
        let mut settings: Vec<Setting> = shown.map(setting).collect();
        let Some(manifest) = manifest else { return Self { settings, ..Self::default() } };
        let preset =
            section.entry("preset").and_then(|entry| entry.value.to_json().as_str().map(str::to_owned));
        let presets = manifest.presets();
        let chosen = preset.as_ref().and_then(|name| presets.get(name));
        let of_preset =
            chosen.into_iter().flatten().map(|(name, value)| (name.as_str(), value, Origin::Preset));
        let of_nobody = manifest.defaults().map(|(name, value)| (name, value, Origin::Default));
        for (name, value, origin) in of_preset.chain(of_nobody) {
            if settings.iter().all(|known| known.name != name) {
                settings.push(Setting { name: name.to_owned(), value: value.clone(), origin });
            }
        }
        let presets = presets.iter().map(|(name, sets)| (name.clone(), sets.clone())).collect();
        Self { preset, presets, settings }
    }
}

/// What the keys above a scalar say about it.
#[derive(Clone, Copy, Default)]
struct Place {
    in_credentials: bool,
    is_sent: bool,
    is_header: bool,
    is_open: bool,
    is_secret: bool,
}

/// The value of `key`.
fn below(key: &str, node: &Node, above: Place) -> Value {
    let place = Place {
        in_credentials: above.in_credentials || key == "auth",
        is_sent: above.is_sent || SENT.contains(&key),
        is_header: key == "headers",
        is_open: OPEN.contains(&key) && !above.is_sent,
        is_secret: smells_of_secret(key)
            || (above.is_sent && sounds_secret(key))
            || (above.is_header && !PLAIN_HEADERS.contains(&key.to_ascii_lowercase().as_str()))
            || (above.in_credentials && !OF_CREDENTIALS.contains(&key)),
    };
    value(node, place)
}

fn value(node: &Node, place: Place) -> Value {
    match &node.content {
        Content::List(items) => items.iter().map(|item| value(item, place)).collect(),
        Content::Map(entries) => {
            let pairs =
                entries.iter().map(|entry| (entry.key.clone(), below(&entry.key, &entry.value, place)));
            Value::Object(pairs.collect())
        }
        Content::Scalar { .. } if node.secret || place.is_secret => MASK.into(),
        Content::Scalar { .. } if node.from_variable && !place.is_open => MASK.into(),
        Content::Scalar { .. } => match node.to_json() {
            Value::String(text) => shown_url(&text).into(),
            other => other,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use busta_connectors::formats::yaml::parse;
    use busta_connectors::manifests::Manifest;
    use serde_json::json;

    use super::*;
    use crate::config::env::Environment;
    use crate::config::expand::expand;

    struct Fixed;

    impl Environment for Fixed {
        fn variable(&self, name: &str) -> Option<String> {
            Some(if name == "PLACES" { "3" } else { "value-of-the-variable" }.to_owned())
        }

        fn file(&self, _: &str) -> io::Result<String> {
            Ok("text-of-the-file".to_owned())
        }
    }

    fn shown(section: &str, kind: &Kind) -> Shown {
        let (root, _) = parse(section).unwrap();
        let mut root = root.unwrap();
        expand(&mut root, &Fixed);
        Shown::of(&root, kind)
    }

    fn shop() -> Kind {
        let manifest = "
name: shop
summary: orders of a shop
example: 'type: shop'
parameters:
  base_url: { type: text, required: true }
  regions: { type: list, of: text, default: [eu] }
  size: { type: number, default: 100 }
  login: { type: auth, keys: { user: { type: text } } }
presets: { overseas: { regions: [us] }, both: { regions: [eu, us], size: 5 } }
source: { base_url: $(.base_url), streams: [] }
";
        let (document, _) = parse(manifest).unwrap();
        Kind::Manifest(Arc::new(Manifest::read(document.unwrap().to_json()).unwrap()))
    }

    #[test]
    fn no_secret_is_shown() {
        let text = "
name: a
base_url: http://me:pw@${HOST}/?key=abc&page=2
rate_limit: ${PLACES}/s
auth: { type: api_key, name: X-Mine, value: literal, in: header }
headers: { X-Api-Key: literal, X-Mine: literal, X-Place: \"${PLACES}\", Accept: text/csv }
feeds: [\"https://x/${PLACES}\"]
params: { sig: literal, page: 2, region: eu }
streams: [{ name: s, auth: { user: me }, params: { zone: \"${ZONE}\" }, note: \"${file:/x}\" }]
budget: { requests_per_run: 5 }
";
        let shown = shown(text, &shop());
        let of_section = shown.settings.iter().filter(|setting| setting.origin == Origin::Section);
        let of_section: Map<String, Value> = of_section.map(|s| (s.name.clone(), s.value.clone())).collect();
        let wanted = json!({
            "base_url": "http://***@value-of-the-variable/?key=***&page=2",
            "rate_limit": "3/s",
            "auth": { "type": "api_key", "name": "***", "value": "***", "in": "header" },
            "headers": { "X-Api-Key": "***", "X-Mine": "***", "X-Place": "***", "Accept": "text/csv" },
            "feeds": ["***"],
            "params": { "sig": "***", "page": 2, "region": "eu" },
            "streams": [{ "name": "s", "auth": { "user": "***" }, "params": { "zone": "***" }, "note": "***" }],
        });
        assert_eq!(Value::Object(of_section), wanted);
    }

    #[test]
    fn everybody_who_says_something_is_named() {
        let shown = shown("type: shop\npreset: overseas\nbase_url: http://x\nlogin: { user: me }\n", &shop());
        assert_eq!(shown.preset.as_deref(), Some("overseas"));
        let names: Vec<&str> = shown.presets.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["both", "overseas"]);
        let of = |setting: &Setting| (setting.name.clone(), setting.value.clone(), setting.origin);
        let settings: Vec<_> = shown.settings.iter().map(of).collect();
        assert_eq!(
            settings,
            [
                ("base_url".to_owned(), json!("http://x"), Origin::Section),
                ("login".to_owned(), json!({ "user": "***" }), Origin::Section),
                ("regions".to_owned(), json!(["us"]), Origin::Preset),
                ("size".to_owned(), json!(100), Origin::Default),
            ]
        );
    }
}
