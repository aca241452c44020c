//! What a jq program names of `$for`, so that the splits that it runs for carry it.

use super::super::family::Use;
use super::super::template::FieldRef;

/// The names that stand in `program` as `$for.region` or `$for["orders.id"]`, found at `place`.
pub fn mentions(program: &str, place: &[&str]) -> Vec<Use> {
    let place: Vec<String> = place.iter().map(|key| (*key).to_owned()).collect();
    let mut uses: Vec<Use> = Vec::new();
    for (at, _) in program.match_indices("$for") {
        let after = &program[at + "$for".len()..];
        let Some(name) = dotted(after).or_else(|| bracketed(after)) else { continue };
        if let Ok(field) = FieldRef::parse(name)
            && !uses.iter().any(|known| known.field == field)
        {
            uses.push(Use { field, place: place.clone() });
        }
    }
    uses
}

fn dotted(after: &str) -> Option<&str> {
    let name = after.strip_prefix('.')?;
    let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
    (end > 0).then(|| &name[..end])
}

fn bracketed(after: &str) -> Option<&str> {
    let after = after.strip_prefix('.').unwrap_or(after);
    let quoted = after.strip_prefix('[').map_or(after, str::trim_start).strip_prefix('"')?;
    let (name, _) = quoted.split_once('"')?;
    (!name.contains('\\')).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_however_they_are_written() {
        let program =
            r#"{a: $for.region, b: $for["orders.id"], c: $for."x.y", d: $for.region, e: $for, f: $fort.no}"#;
        let keys: Vec<_> = mentions(program, &["map"]).iter().map(|used| used.field.key()).collect();
        assert_eq!(keys, ["region", "orders.id", "x.y"]);
        assert!(mentions("$for | .region", &["map"]).is_empty());
        assert!(mentions("$for.", &["map"]).is_empty());
    }
}
