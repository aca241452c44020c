//! The `fields` extension: which parts of items are shown.

use serde_json::{Map, Value};

/// What every item keeps when something is included.
const ALWAYS: [&str; 4] = ["type", "stac_version", "id", "collection"];

/// Paths such as `properties.eo:cloud_cover`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields {
    include: Vec<String>,
    exclude: Vec<String>,
}

impl Fields {
    /// Reads `{"include": [..], "exclude": [..]}`.
    pub(super) fn read(json: &Value) -> Result<Self, String> {
        let wrong = || "it is an object with the lists `include` and `exclude`".to_owned();
        let list = |name| match json.as_object().ok_or_else(wrong)?.get(name) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(all)) => {
                all.iter().map(|one| one.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
            }
            Some(_) => Err(wrong()),
        };
        Ok(Self { include: list("include")?, exclude: list("exclude")? })
    }

    /// The item with what is included, less what is excluded.
    pub(super) fn apply(&self, item: &Value) -> Value {
        let mut shown = match self.include.is_empty() {
            true => item.clone(),
            false => {
                let mut shown = Value::Object(Map::new());
                for path in ALWAYS.into_iter().chain(self.include.iter().map(String::as_str)) {
                    copy(item, &mut shown, path);
                }
                shown
            }
        };
        for path in &self.exclude {
            remove(&mut shown, path);
        }
        shown
    }
}

fn copy(from: &Value, to: &mut Value, path: &str) {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let (Some(value), Some(fields)) = (from.get(name), to.as_object_mut()) else {
        return;
    };
    match rest {
        None => drop(fields.insert(name.to_owned(), value.clone())),
        Some(rest) => copy(value, fields.entry(name).or_insert_with(|| Value::Object(Map::new())), rest),
    }
}

fn remove(from: &mut Value, path: &str) {
    let Some(fields) = from.as_object_mut() else {
        return;
    };
    match path.split_once('.') {
        None => drop(fields.remove(path)),
        Some((name, rest)) => fields.get_mut(name).into_iter().for_each(|inner| remove(inner, rest)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parts_are_included_and_excluded() {
        let item = json!({"id": "a", "type": "Feature", "properties": {"x": 1, "y": {"z": 2}}, "assets": {}});
        let shown = |fields: Value| Fields::read(&fields).unwrap().apply(&item);
        assert_eq!(shown(json!({})), item);
        assert_eq!(
            shown(json!({"include": ["properties.y.z"]})),
            json!({"id": "a", "type": "Feature", "properties": {"y": {"z": 2}}})
        );
        assert_eq!(
            shown(json!({"exclude": ["assets", "properties.y", "no.such"]})),
            json!({"id": "a", "type": "Feature", "properties": {"x": 1}})
        );
        assert_eq!(
            shown(json!({"include": ["properties"], "exclude": ["properties.x", "type"]})),
            json!({"id": "a", "properties": {"y": {"z": 2}}})
        );
        assert!(Fields::read(&json!(["id"])).is_err() && Fields::read(&json!({"include": "id"})).is_err());
    }
}
