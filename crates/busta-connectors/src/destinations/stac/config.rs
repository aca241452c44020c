//! The keys of `destination: { type: stac }`.

use std::path::PathBuf;

use busta_core::connector::{Built, ConfigProblem, read_config};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::destinations::lake::path_problem;

/// A folder of STAC items: `catalog.json`, `<collection>/collection.json` and
/// `<collection>/<item>/<item>.json`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ItemFolderConfig {
    /// The folder, which holds nothing else; it is created when it is missing. A relative path starts at
    /// the folder of the configuration file.
    pub path: PathBuf,
    /// The id of the catalogue.
    #[serde(default = "default_id")]
    pub id: String,
    /// What the catalogue is about.
    #[serde(default = "default_description")]
    pub description: String,
}

fn default_id() -> String {
    "catalog".to_owned()
}

fn default_description() -> String {
    "Collected by busta".to_owned()
}

impl ItemFolderConfig {
    /// Reads and checks the keys.
    pub fn read(keys: Value) -> Built<Self> {
        let config: Self = read_config(keys)?;
        let mut problems: Vec<ConfigProblem> = path_problem(&config.path, "catalog").into_iter().collect();
        // STAC demands both.
        for (key, text) in [("id", &config.id), ("description", &config.description)] {
            if text.trim().is_empty() {
                problems.push(ConfigProblem::new(key, "is empty: STAC wants a text"));
            }
        }
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_problem_is_named() {
        assert_eq!(ItemFolderConfig::read(json!({"path": "x"})).unwrap().id, "catalog");
        let problems = ItemFolderConfig::read(json!({"path": "", "id": " ", "description": ""})).unwrap_err();
        assert_eq!(problems.len(), 3);
        assert!(ItemFolderConfig::read(json!({"path": "x", "ids": "y"})).is_err());
    }
}
