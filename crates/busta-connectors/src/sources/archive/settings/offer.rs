//! What a layout offers: the one that is named, and the data type that is asked for.

use super::super::config::ArchiveConfig;
use super::super::layout::{DataType, Layout};
use super::super::preset;
use crate::sources::api::problems::Problems;

/// The layout that comes with busta under its name, or the operator's own.
pub(super) fn layout(config: &ArchiveConfig, problems: &mut Problems) -> Option<Layout> {
    match (&config.preset, &config.layout) {
        (Some(_), Some(_)) => problems.add("layout", "cannot go with `preset`; leave one of them out"),
        (None, None) => problems.add(
            "preset",
            format!(
                "is missing; name one of {}, or describe the repository as `layout`",
                preset::presets().collect::<Vec<_>>().join(", ")
            ),
        ),
        (None, Some(layout)) => return Some(layout.clone()),
        (Some(name), None) => match preset::preset(name) {
            Some(layout) => return Some(layout),
            None => problems.add(
                "preset",
                format!("knows no `{name}`; there are {}", preset::presets().collect::<Vec<_>>().join(", ")),
            ),
        },
    }
    None
}

/// The data type that is asked for.
pub(super) fn data_type(
    config: &ArchiveConfig,
    layout: &Layout,
    problems: &mut Problems,
) -> Option<DataType> {
    let in_market = |data: &&DataType| {
        let market = config.market.as_ref();
        data.markets.is_empty() || market.is_some_and(|market| data.markets.contains(market))
    };
    let named = |data: &&DataType| config.data_type.as_ref().is_none_or(|name| *name == data.name);
    let fitting: Vec<&DataType> = layout.data_types.iter().filter(named).filter(in_market).collect();
    if let [only] = fitting.as_slice() {
        return Some((*only).clone());
    }
    let mut names: Vec<&str> =
        layout.data_types.iter().filter(in_market).map(|data| data.name.as_str()).collect();
    let mut markets: Vec<&str> =
        layout.data_types.iter().filter(named).flat_map(|data| &data.markets).map(String::as_str).collect();
    names.dedup();
    markets.sort_unstable();
    markets.dedup();
    match (&config.data_type, &config.market) {
        (Some(name), None) if !markets.is_empty() => {
            problems.add("market", format!("is missing; `{name}` is offered in {}", markets.join(", ")));
        }
        (Some(name), Some(market)) if !markets.is_empty() => {
            problems.add(
                "market",
                format!("`{market}` has no `{name}`; it is offered in {}", markets.join(", ")),
            );
        }
        (Some(name), _) => {
            let all: std::collections::BTreeSet<&str> =
                layout.data_types.iter().map(|data| data.name.as_str()).collect();
            let all: Vec<&str> = all.into_iter().collect();
            problems.add("data_type", format!("knows no `{name}`; there are {}", all.join(", ")));
        }
        (None, _) if layout.data_types.is_empty() => {
            problems.within("layout", None, |p| p.add("data_types", "is empty"))
        }
        (None, None) if names.is_empty() => {
            problems.add("market", format!("is missing; there are {}", markets.join(", ")));
        }
        (None, _) => {
            problems.add("data_type", format!("is missing; there are {}", names.join(", ")));
        }
    }
    None
}
