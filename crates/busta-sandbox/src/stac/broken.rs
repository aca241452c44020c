//! Broken items: JSON that is not what STAC says.

use serde_json::{Value, json};

/// Spoils an item, in one of six ways that take turns.
pub(super) fn spoil(item: &mut Value, way: u64) {
    let Some(fields) = item.as_object_mut() else {
        return;
    };
    match way % 6 {
        0 => drop(fields.remove("id")),
        1 => drop(fields.insert("id".to_owned(), json!(17))),
        2 => drop(fields.insert("properties".to_owned(), json!("none"))),
        3 => drop(fields.remove("properties")),
        4 => drop(fields.insert("bbox".to_owned(), json!(["west", "south"]))),
        _ => drop(fields.insert("assets".to_owned(), json!(["a.tif"]))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_spoils_something() {
        let item = json!({"id": "a", "properties": {}, "bbox": [0, 0, 1, 1], "assets": {}});
        for way in 0..6 {
            let mut spoilt = item.clone();
            spoil(&mut spoilt, way);
            assert_ne!(spoilt, item, "{way}");
        }
    }
}
