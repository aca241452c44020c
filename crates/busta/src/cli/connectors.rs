//! `busta connectors`.

use anyhow::Result;
use clap::Subcommand;

use super::Context;
use crate::config::closest;
use crate::exit::{Exit, Usage};
use crate::output::{line, to_stdout};
use crate::report::table;
use crate::wiring;

#[derive(Subcommand, Debug)]
pub enum Connectors {
    /// List the kinds of source, destination and transform
    #[command(after_help = "Examples:\n  busta connectors list")]
    List,
    /// Show one: an example and all its keys
    #[command(after_help = "Examples:\n  busta connectors show api\n  busta connectors show sqlite --schema")]
    Show {
        /// Its name
        name: String,
        /// Its JSON Schema instead
        #[arg(long)]
        schema: bool,
    },
}

struct Known {
    name: &'static str,
    role: &'static str,
    summary: &'static str,
    example: &'static str,
    schema: fn(&mut schemars::SchemaGenerator) -> schemars::Schema,
}

impl Connectors {
    pub fn run(self, context: &Context) -> Result<Exit> {
        match self {
            Self::List => list(context),
            Self::Show { name, schema } => show(&name, schema),
        }
    }
}

fn known() -> Vec<Known> {
    let registry = wiring::registry();
    let sources = registry.sources.iter().map(|c| Known {
        name: c.name,
        role: "source",
        summary: c.summary,
        example: c.example,
        schema: c.schema,
    });
    let destinations = registry.destinations.iter().map(|c| Known {
        name: c.name,
        role: "destination",
        summary: c.summary,
        example: c.example,
        schema: c.schema,
    });
    let transforms = registry.transforms.iter().map(|c| Known {
        name: c.name,
        role: "transform",
        summary: c.summary,
        example: c.example,
        schema: c.schema,
    });
    sources.chain(destinations).chain(transforms).collect()
}

fn list(context: &Context) -> Result<Exit> {
    let mut table = table::plain(&["connector", "kind", "what it does"], context.colour);
    for connector in known() {
        table.add_row(vec![connector.name, connector.role, connector.summary]);
    }
    line(&table::trimmed(&table))?;
    Ok(Exit::Done)
}

fn show(name: &str, schema: bool) -> Result<Exit> {
    let all = known();
    let found: Vec<&Known> = all.iter().filter(|connector| connector.name == name).collect();
    if found.is_empty() {
        let names = || all.iter().map(|connector| connector.name);
        let help = match closest(name, names()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("there are {}", names().collect::<Vec<_>>().join(", ")),
        };
        return Err(Usage(format!("there is no connector `{name}`; {help}")).into());
    }
    for connector in found {
        let mut generator = schemars::SchemaGenerator::default();
        let own = (connector.schema)(&mut generator);
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
    }
    Ok(Exit::Done)
}

/// The keys with the first sentence of their descriptions.
fn keys(document: &serde_json::Value, definitions: &serde_json::Map<String, serde_json::Value>) -> String {
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
    }
    text
}
