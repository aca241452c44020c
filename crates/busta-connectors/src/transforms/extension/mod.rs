//! `extension`: adds a STAC extension to items and collections, with defaults for its fields.

mod known;

use std::collections::BTreeMap;

use busta_core::connector::{Built, read_config};
use busta_core::transform::Warning;
use busta_core::{Error, Result};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::document::{Aliases, Kind, Node, Path, Put, Segment, ValueTemplate};
use super::problems::{Problems, key};
use super::{Outcome, Step, TransformContext, TransformKind};

/// Adds a STAC extension.
pub static KIND: TransformKind = TransformKind {
    name: "extension",
    summary: "Adds a STAC extension, with defaults for its fields",
    example: "- extension:\n    name: eo\n    defaults:\n      cloud_cover: 0\n      assets.*.eo:bands: []\n",
    schema: <ExtensionConfig as JsonSchema>::json_schema,
    build,
};

/// What variables of defaults stand for.
const VARIABLES: &Aliases =
    &[("item_id", "id"), ("collection_id", "collection"), ("datetime", "properties.datetime")];

/// The keys as they stand in the configuration. `name` or `schema` must be given.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ExtensionConfig {
    /// A well-known extension by its prefix (`eo`, `proj`, `view`, `sat`, `sar`, `file`, `raster`, `sci`,
    /// `processing`, `version`, `grid`, `mgrs`), in the version that most catalogues use.
    name: Option<String>,
    /// The URL of the extension's schema, for `stac_extensions`. It goes before that of `name`.
    schema: Option<String>,
    /// What its fields begin with: `cloud_cover` becomes `eo:cloud_cover`. That of `name` if not given;
    /// empty for none.
    prefix: Option<String>,
    /// From a field to its value. A field is one of `properties`, or a path that begins with `assets.`,
    /// such as `assets.*.gsd`. The prefix is put before a name that has none. Values are as in `set`;
    /// besides paths there are `{item_id}`, `{collection_id}` and `{datetime}`.
    #[serde(default)]
    defaults: BTreeMap<String, Value>,
    /// Whether the defaults replace what is there.
    #[serde(default, rename = "override")]
    replace: bool,
}

fn build(keys: Value, _: &TransformContext) -> Built<Box<dyn Step>> {
    let config: ExtensionConfig = read_config(keys)?;
    let mut problems = Problems::default();
    let known = config.name.as_deref().and_then(|name| {
        let found = known::find(name);
        if found.is_none() && config.schema.is_none() {
            let list = known::names().collect::<Vec<_>>().join(", ");
            problems.add(&[key("name")], format!("`{name}` is none of {list}; give its URL as `schema`"));
        }
        found
    });
    let url = config.schema.clone().or_else(|| known.map(|known| known.url.to_owned()));
    if config.name.is_none() && config.schema.is_none() {
        problems.add(&[], "give the `name` of a well-known extension or the URL of its `schema`");
    }
    if config.schema.as_deref().is_some_and(|url| !url.starts_with("https://") && !url.starts_with("http://"))
    {
        problems.add(&[key("schema")], "expected a URL that begins with https://");
    }
    let prefix = config.prefix.as_deref().or(known.map(|known| known.prefix)).unwrap_or("");
    let mut defaults = Vec::new();
    for (field, value) in &config.defaults {
        let place = [key("defaults"), key(field)];
        let path = problems.keep(&place, place_of(field, prefix));
        let value = problems.keep(&place, ValueTemplate::parse(value, VARIABLES));
        defaults.extend(path.zip(value));
    }
    let extension = Extension { url: url.unwrap_or_default(), defaults, replace: config.replace };
    problems.finish(Box::new(extension) as Box<dyn Step>)
}

/// Where a default goes.
fn place_of(field: &str, prefix: &str) -> Result<Path, String> {
    let path = if field.starts_with("assets.") { field.to_owned() } else { format!("properties.{field}") };
    let path = Path::parse(&path)?;
    let Some(Segment::Name(name)) = path.segments().last() else {
        return Err(format!("`{field}` must end with a name"));
    };
    if prefix.is_empty() || name.contains(':') {
        return Ok(path);
    }
    let name = format!("{prefix}:{name}");
    Ok(path.with_last(&name))
}

struct Extension {
    url: String,
    defaults: Vec<(Path, ValueTemplate)>,
    replace: bool,
}

impl Step for Extension {
    fn apply<'a>(&self, record: &mut Node<'a>, _: &mut Vec<Warning>) -> Result<Outcome<'a>> {
        self.declare(record)?;
        for (path, value) in &self.defaults {
            self.default(path, value, record).map_err(|error| error.at(path))?;
        }
        Ok(Outcome::Kept)
    }
}

impl Extension {
    /// Adds the URL to `stac_extensions`, once.
    fn declare(&self, record: &mut Node<'_>) -> Result<()> {
        let list = Path::field("stac_extensions");
        let Some(declared) = record.find(list.segments())?.filter(|node| node.kind() != Kind::Null) else {
            let only = Node::new(format!("[{}]", Node::string(&self.url).json()));
            return record.put(list.segments(), Put::Replace, &only);
        };
        if declared.kind() != Kind::Array {
            return Err(Error::data(format!("stac_extensions is {}, not a list", declared.kind().words())));
        }
        let mut found = false;
        declared.for_each(&[Segment::Any], &mut |url| {
            found |= url.as_text().is_some_and(|url| url == self.url);
            Ok(())
        })?;
        if found { Ok(()) } else { declared.push(Node::string(&self.url)) }
    }

    fn default(&self, path: &Path, value: &ValueTemplate, record: &mut Node<'_>) -> Result<()> {
        let Some((last, parents)) = path.segments().split_last() else { return Ok(()) };
        let last = std::slice::from_ref(last);
        if !path.has_wildcard() {
            if self.replace || record.find(path.segments())?.is_none() {
                let value = value.render(record)?;
                record.put(path.segments(), Put::Replace, &value)?;
            }
            return Ok(());
        }
        // Only what is needed is made: a default may name a field that not every record has.
        let mut wanted = self.replace;
        record.for_each(parents, &mut |parent| {
            wanted |= parent.find(last)?.is_none();
            Ok(())
        })?;
        if !wanted {
            return Ok(());
        }
        let value = value.render(record)?;
        record.for_each(parents, &mut |parent| {
            if self.replace || parent.find(last)?.is_none() {
                parent.put(last, Put::Replace, &value)?;
            }
            Ok(())
        })
    }
}
