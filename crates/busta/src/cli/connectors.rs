//! `busta connectors`.

use std::sync::Arc;

use anyhow::Result;
use busta_connectors::manifests::Manifest;
use clap::Subcommand;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value};

use super::Context;
use crate::config::{Kind, Kinds, closest};
use crate::exit::{Exit, Usage};
use crate::output::{line, note, to_stdout};
use crate::report::table;
use crate::wiring;

#[derive(Subcommand, Debug)]
pub enum Connectors {
    /// List the kinds of source, destination and transform
    #[command(after_help = "Examples:
  busta connectors list

Manifests that a configuration names under `connectors:` are listed with the others, if it is
named with -c or stands in this folder.")]
    List,
    /// Show one: an example and all its keys
    #[command(after_help = "Examples:
  busta connectors show api
  busta connectors show sqlite --schema
  busta connectors show reddit --yaml > my-reddit.yaml")]
    Show {
        /// Its name
        name: String,
        /// Its JSON Schema instead
        #[arg(long)]
        schema: bool,
        /// The manifest itself instead, for those that are written down
        #[arg(long, conflicts_with = "schema")]
        yaml: bool,
    },
}

/// A connector, whatever its role.
struct Known {
    name: String,
    role: &'static str,
    summary: String,
    example: String,
    kind: Described,
}

/// What describes the keys of a connector.
enum Described {
    Code(fn(&mut SchemaGenerator) -> Schema),
    Manifest(Arc<Manifest>),
}

impl Connectors {
    pub fn run(self, context: &Context) -> Result<Exit> {
        let (kinds, wrong) = wiring::kinds(context.config.as_ref())?;
        wrong.iter().for_each(|problem| note(problem));
        match self {
            Self::List => list(context, &kinds),
            Self::Show { name, schema, yaml } => show(&kinds, &name, schema, yaml),
        }
    }
}

fn known(kinds: &Kinds) -> Vec<Known> {
    let registry = wiring::registry();
    let sources = kinds.iter().map(|kind| Known {
        name: kind.name().to_owned(),
        role: "source",
        summary: kind.summary().to_owned(),
        example: kind.example().to_owned(),
        kind: match kind {
            Kind::Connector(connector) => Described::Code(connector.schema),
            Kind::Manifest(manifest) => Described::Manifest(manifest),
        },
    });
    let others =
        registry.destinations.iter().map(|c| ("destination", c.name, c.summary, c.example, c.schema));
    let others = others
        .chain(registry.transforms.iter().map(|c| ("transform", c.name, c.summary, c.example, c.schema)));
    let others = others.map(|(role, name, summary, example, schema)| Known {
        name: name.to_owned(),
        role,
        summary: summary.to_owned(),
        example: example.to_owned(),
        kind: Described::Code(schema),
    });
    sources.chain(others).collect()
}

fn list(context: &Context, kinds: &Kinds) -> Result<Exit> {
    let mut table = table::plain(&["connector", "kind", "what it does"], context.colour);
    for connector in known(kinds) {
        table.add_row(vec![connector.name, connector.role.to_owned(), connector.summary]);
    }
    line(&table::trimmed(&table))?;
    Ok(Exit::Done)
}

fn show(kinds: &Kinds, name: &str, schema: bool, yaml: bool) -> Result<Exit> {
    let all = known(kinds);
    let found: Vec<&Known> = all.iter().filter(|connector| connector.name == name).collect();
    if found.is_empty() {
        let names = || all.iter().map(|connector| connector.name.as_str());
        let help = match closest(name, names()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("there are {}", names().collect::<Vec<_>>().join(", ")),
        };
        return Err(Usage(format!("there is no connector `{name}`; {help}")).into());
    }
    for connector in found {
        if yaml {
            let text = match &connector.kind {
                Described::Manifest(manifest) => kinds.text(manifest),
                Described::Code(_) => None,
            };
            let missing = || Usage(format!("`{name}` is no manifest: it is written in Rust"));
            to_stdout(text.ok_or_else(missing)?)?;
            continue;
        }
        let mut generator = SchemaGenerator::default();
        let own = match &connector.kind {
            Described::Code(schema) => schema(&mut generator),
            Described::Manifest(manifest) => kinds.schema(&Kind::Manifest(manifest.clone()), &mut generator),
        };
        let mut document = own.to_value();
        let definitions = generator.take_definitions(true);
        if schema {
            if let Some(object) = document.as_object_mut().filter(|_| !definitions.is_empty()) {
                object.insert("$defs".to_owned(), definitions.into());
            }
            line(&serde_json::to_string_pretty(&document)?)?;
            continue;
        }
        to_stdout(&format!(
            "{} ({}): {}\n\n{}\n",
            connector.name,
            connector.role,
            connector.summary,
            connector.example.trim_end()
        ))?;
        to_stdout(&keys(&document, &definitions))?;
        if let Described::Manifest(manifest) = &connector.kind {
            to_stdout(&of_manifest(manifest))?;
        }
    }
    Ok(Exit::Done)
}

/// The streams and presets of a manifest.
fn of_manifest(manifest: &Manifest) -> String {
    let mut text = format!("\nStreams: {}\n", manifest.streams().join(", "));
    let presets = manifest.presets();
    if !presets.is_empty() {
        text.push_str("\nPresets:\n");
    }
    for (name, parameters) in presets {
        let parameters: Vec<&str> = parameters.keys().map(String::as_str).collect();
        text.push_str(&format!("  {name:<20} {}\n", parameters.join(", ")));
    }
    text
}

/// The keys with the first sentence of their descriptions.
fn keys(document: &Value, definitions: &Map<String, Value>) -> String {
    let target = document["$ref"].as_str().and_then(|path| path.rsplit('/').next());
    let own = target.and_then(|name| definitions.get(name)).unwrap_or(document);
    let Some(properties) = own["properties"].as_object().filter(|map| !map.is_empty()) else {
        return String::new();
    };
    let required: Vec<&str> =
        own["required"].as_array().into_iter().flatten().filter_map(|v| v.as_str()).collect();
    let mut text = "\nKeys:\n".to_owned();
    for (name, property) in properties {
        let description = property["description"].as_str().unwrap_or_default().replace('\n', " ");
        let must = if required.contains(&name.as_str()) { "(required) " } else { "" };
        text.push_str(&format!("  {name:<20} {must}{description}\n"));
        for (name, property) in property["properties"].as_object().into_iter().flatten() {
            let description = property["description"].as_str().unwrap_or_default().replace('\n', " ");
            text.push_str(&format!("    {name:<18} {description}\n"));
        }
    }
    text
}
