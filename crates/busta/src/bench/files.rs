//! `busta bench files`: small documents, large tables, items with broken ones among them.

use std::path::{Path, PathBuf};

use anyhow::Result;
use busta_sandbox::StacWorld;
use serde_json::json;

use super::generate;
use super::scenario::{Scenario, Size};
use super::workplace::Workplace;
use crate::exit::Usage;
use crate::figures;

type Generate = fn(&Size, &Workplace) -> Result<Scenario>;

const GENERATED: &[(&str, Generate)] = &[
    ("small-json", small_json),
    #[cfg(feature = "parquet")]
    ("large-parquet", large_parquet),
    ("stac-items", broken_items),
];

/// The scenarios over generated files. What is not wanted is not generated.
///
/// # Errors
/// If the disk does not take them.
pub fn generated(size: &Size, place: &Workplace) -> Result<Vec<Scenario>> {
    let wanted = GENERATED.iter().filter(|(name, _)| size.wants(name));
    wanted.map(|(_, generate)| generate(size, place)).collect()
}

/// The names of these scenarios.
pub fn names() -> Vec<&'static str> {
    GENERATED.iter().map(|(name, _)| *name).collect()
}

fn small_json(size: &Size, place: &Workplace) -> Result<Scenario> {
    let count = size.pick(10_000, 1000);
    let folder = place.folder("small-json")?;
    generate::small_json(&folder, count)?;
    let title = format!("{} JSON files of 0.5 KB, one record each", figures::count(count));
    let sources = json!([{ "name": "small", "type": "files", "paths": [folder] }]);
    Ok(Scenario { reads_disk: true, ..size.scenario("small-json", title, sources) })
}

#[cfg(feature = "parquet")]
fn large_parquet(size: &Size, place: &Workplace) -> Result<Scenario> {
    let (count, megabytes) = (5, size.pick(100, 5));
    let folder = place.folder("large-parquet")?;
    generate::large_parquet(&folder, count, megabytes * 1_000_000)?;
    let title = format!("{count} Parquet files of {megabytes} MB");
    let sources = json!([{ "name": "large", "type": "files", "paths": [folder] }]);
    Ok(Scenario { reads_disk: true, ..size.scenario("large-parquet", title, sources) })
}

fn broken_items(size: &Size, place: &Workplace) -> Result<Scenario> {
    let (items, broken) = size.pick((1000, 20), (200, 4));
    let folder = place.folder("items")?;
    let world: StacWorld = format!("{items},broken={broken}").parse().map_err(anyhow::Error::msg)?;
    world.write_items(&folder, "http://127.0.0.1")?;
    let title = format!("a folder of {} STAC items, {broken} of them broken", figures::count(items));
    let sources = json!([{ "name": "items", "type": "stac", "paths": [folder] }]);
    Ok(Scenario { reads_disk: true, ..size.scenario("stac-items", title, sources) })
}

/// The user's own files.
///
/// # Errors
/// If they are not there.
pub fn given(size: &Size, path: &Path, limit: Option<u64>) -> Result<Vec<Scenario>> {
    let path = there(path)?;
    let title = format!("the files of {}", path.display());
    let sources = json!([{ "name": "given", "type": "files", "paths": [path] }]);
    let scenario = size.scenario("given-files", title, sources);
    Ok(vec![Scenario { reads_disk: true, warm_up: true, limit, ..scenario }])
}

/// The path from the root; the processes that are measured work in folders of their own.
///
/// # Errors
/// If there is nothing.
pub fn there(path: &Path) -> Result<PathBuf> {
    if !path.exists() {
        return Err(Usage(format!("--path: {} is not there", path.display())).into());
    }
    Ok(std::path::absolute(path)?)
}
