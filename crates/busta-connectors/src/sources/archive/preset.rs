//! The layouts that come with busta.

use crate::formats::yaml;

use super::layout::Layout;

/// The presets by name, as they are written.
const PRESETS: &[(&str, &str)] = &[
    ("binance", include_str!("presets/binance.yaml")),
    ("bitmex", include_str!("presets/bitmex.yaml")),
    ("bybit", include_str!("presets/bybit.yaml")),
    ("gateio", include_str!("presets/gateio.yaml")),
    ("okx", include_str!("presets/okx.yaml")),
];

/// The names of the presets.
pub fn presets() -> impl Iterator<Item = &'static str> {
    PRESETS.iter().map(|(name, _)| *name)
}

/// The preset of this name.
pub fn preset(name: &str) -> Option<Layout> {
    let (_, text) = PRESETS.iter().find(|(known, _)| *known == name)?;
    // A test reads them all.
    parse(text).ok()
}

/// Reads a layout.
fn parse(text: &str) -> Result<Layout, String> {
    let (document, mistakes) = yaml::parse(text).map_err(|mistake| mistake.message)?;
    if let Some(mistake) = mistakes.first() {
        return Err(format!("line {}: {}", mistake.place.line, mistake.message));
    }
    let mut document = document.ok_or("it is empty")?.to_json();
    // What only holds anchors is not part of a layout.
    if let Some(keys) = document.as_object_mut() {
        keys.retain(|key, _| !key.starts_with("x-"));
    }
    serde_json::from_value(document).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
