//! The `parquet` destination against the conformance suite.

#![cfg(feature = "parquet")]
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
        (registry::destination("parquet").unwrap().build)(keys.clone(), context).unwrap()
    })
}

mod plain {
    fn new() -> super::Place {
        super::place(super::json!({"path": "lake"}))
    }
    busta_testkit::destination_conformance!(new);
}

mod small_files {
    fn new() -> super::Place {
        super::place(super::json!({"path": "a/lake", "file_size": 100}))
    }
    busta_testkit::destination_conformance!(new);
}

mod in_folders {
    fn new() -> super::Place {
        let by = super::json!(["v", { "field": "at", "by": "day" }]);
        super::place(super::json!({"path": "lake", "file_size": 100, "partition_by": by}))
    }
    busta_testkit::destination_conformance!(new);
}
