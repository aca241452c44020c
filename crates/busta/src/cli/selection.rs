//! Which sources a command means.

use std::collections::HashSet;

use busta_core::SourceName;

use crate::config::{BuiltSource, closest};
use crate::exit::Usage;

/// The named sources in the order of the configuration, or all that are enabled.
pub fn select(sources: &[BuiltSource], names: &[String]) -> Result<Vec<SourceName>, Usage> {
    if names.is_empty() {
        let enabled: Vec<_> = sources.iter().filter(|s| s.enabled).map(|s| s.name.clone()).collect();
        return if enabled.is_empty() {
            Err(Usage("no source is enabled; name one, or set `enabled: true`".to_owned()))
        } else {
            Ok(enabled)
        };
    }
    for name in names {
        find(sources, name)?;
    }
    let wanted: HashSet<&str> = names.iter().map(String::as_str).collect();
    Ok(sources.iter().filter(|s| wanted.contains(s.name.as_str())).map(|s| s.name.clone()).collect())
}

/// The source of that name.
pub fn find<'a>(sources: &'a [BuiltSource], name: &str) -> Result<&'a BuiltSource, Usage> {
    sources.iter().find(|source| source.name.as_str() == name).ok_or_else(|| {
        let known = || sources.iter().map(|source| source.name.as_str());
        let help = match closest(name, known()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("there are {}", known().collect::<Vec<_>>().join(", ")),
        };
        Usage(format!("there is no source `{name}` in the configuration; {help}"))
    })
}
