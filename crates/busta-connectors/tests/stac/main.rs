//! The stac source against real servers: the sandbox, and one that answers as a test tells it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod ahead;
mod api;
mod config;
mod files;
#[path = "../api/scripted.rs"]
#[allow(dead_code, reason = "shared with the tests of the api source")]
mod scripted;
mod trouble;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use busta_connectors::sources::stac::CONNECTOR;
use busta_core::clock::SystemClock;
use busta_core::connector::{ConfigProblem, SourceContext};
use busta_core::meter::NoMeter;
use busta_core::{Checkpoint, Source};
use busta_sandbox::{Sandbox, SandboxConfig};
use busta_testkit::drive::{Harvest, read_all, read_all_reopening};
use serde_json::Value;

fn context(base_dir: PathBuf) -> SourceContext {
    SourceContext {
        name: "test".into(),
        base_dir,
        meter: Arc::new(NoMeter),
        clock: Arc::new(SystemClock),
        request_timeout: Duration::from_secs(10),
        readers: 8,
    }
}

fn build(config: Value) -> Box<dyn Source> {
    build_in(PathBuf::new(), config)
}

fn build_in(base_dir: PathBuf, config: Value) -> Box<dyn Source> {
    (CONNECTOR.build)(config, context(base_dir)).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// One of whose splits so many are read at once.
fn build_for(readers: usize, config: Value) -> Box<dyn Source> {
    let context = SourceContext { readers, ..context(PathBuf::new()) };
    (CONNECTOR.build)(config, context).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn problems(config: Value) -> Vec<ConfigProblem> {
    (CONNECTOR.build)(config, context(PathBuf::new())).err().unwrap_or_default()
}

async fn read(source: &dyn Source) -> Harvest {
    read_all(source, &Checkpoint::default()).await.unwrap()
}

/// Reads with readers kept open and with readers opened anew for each batch, which must give the same.
async fn read_both(source: &dyn Source) -> Harvest {
    let kept = read(source).await;
    let anew = read_all_reopening(source, &Checkpoint::default()).await.unwrap();
    assert_eq!(keys(&kept), keys(&anew));
    assert_eq!(kept.failures, anew.failures);
    assert_eq!(kept.splits.len(), anew.splits.len());
    kept
}

/// Collection and id of every item; each must be there once.
fn keys(harvest: &Harvest) -> BTreeSet<(String, String)> {
    let text = |item: &Value, name: &str| item[name].as_str().unwrap_or_default().to_owned();
    let items = harvest.stream("items");
    let keys: BTreeSet<_> = items.iter().map(|item| (text(item, "collection"), text(item, "id"))).collect();
    assert_eq!(keys.len(), items.len(), "items that are there twice");
    keys
}

async fn sandbox() -> Sandbox {
    Sandbox::start(SandboxConfig::default()).await.unwrap()
}

fn with(mut config: Value, more: &Value) -> Value {
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    config
}
