//! The sqlite destination keeps the contract of destinations.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use busta_connectors::registry;
use busta_core::clock::SystemClock;
use busta_core::connector::DestinationContext;
use busta_testkit::conformance::destination::Place;

busta_testkit::destination_conformance!(new_place);
busta_testkit::destination_conformance!(keeps_first new_place);

fn new_place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    Place::new(move || {
        let context = DestinationContext {
            base_dir: folder.path().to_owned(),
            clock: std::sync::Arc::new(SystemClock),
        };
        (registry::destination("sqlite").unwrap().build)(serde_json::json!({}), context).unwrap()
    })
}
