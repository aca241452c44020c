//! Well-known STAC extensions (<https://stac-extensions.github.io>).

/// An extension.
pub struct Known {
    /// What its fields begin with, and its name here.
    pub prefix: &'static str,
    /// Its schema.
    pub url: &'static str,
}

macro_rules! known {
    ($($prefix:literal: $path:literal,)*) => {
        &[$(Known { prefix: $prefix, url: concat!("https://stac-extensions.github.io/", $path, "/schema.json") }),*]
    };
}

static KNOWN: &[Known] = known! {
    "eo": "eo/v1.1.0",
    "file": "file/v2.1.0",
    "grid": "grid/v1.1.0",
    "mgrs": "mgrs/v1.0.0",
    "processing": "processing/v1.1.0",
    "proj": "projection/v1.1.0",
    "raster": "raster/v1.1.0",
    "sar": "sar/v1.0.0",
    "sat": "sat/v1.0.0",
    "sci": "scientific/v1.0.0",
    "version": "version/v1.2.0",
    "view": "view/v1.0.0",
};

/// The extension with this prefix.
pub fn find(name: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.prefix == name)
}

/// All prefixes.
pub fn names() -> impl Iterator<Item = &'static str> {
    KNOWN.iter().map(|known| known.prefix)
}
