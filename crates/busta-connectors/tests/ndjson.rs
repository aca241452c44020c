//! The `ndjson` destination against the conformance suite.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;

use busta_connectors::registry;
use busta_core::clock::SystemClock;
use busta_core::connector::DestinationContext;
use busta_testkit::conformance::destination::Place;
use serde_json::{Value, json};

fn place(keys: Value) -> Place {
    let folder = tempfile::tempdir().unwrap();
    Place::new(move || {
        let context = DestinationContext { base_dir: folder.path().to_owned(), clock: Arc::new(SystemClock) };
        (registry::destination("ndjson").unwrap().build)(keys.clone(), context).unwrap()
    })
}

mod plain {
    fn new() -> super::Place {
        super::place(super::json!({"path": "lake"}))
    }
    busta_testkit::destination_conformance!(new);
}

mod small_compressed_files {
    fn new() -> super::Place {
        super::place(super::json!({"path": "a/lake", "compression": "zstd", "file_size": 100}))
    }
    busta_testkit::destination_conformance!(new);
}
