//! The recipe for STAC, as it stands in the project, over the sandbox.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use support::landed::sqlite;
use support::origin::Origin;
use support::{COLLECT, Desk};

#[test]
fn the_recipe_collects_every_item_once() {
    let origin = Origin::default();
    let desk = Desk::new(include_str!("../../../recipes/stac.yaml"));
    let collect = || {
        let output =
            desk.command(&COLLECT).env("STAC_URL", format!("{}/stac/2000", origin.url())).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    let report = collect();
    let landed = sqlite(&desk.file("stac.db"));
    assert_eq!(landed["items"].len(), 2000);
    assert_eq!(landed["collections"].len(), busta_sandbox::StacWorld::collections().len());
    assert_eq!(report["failures"], 0);
    collect();
    assert_eq!(sqlite(&desk.file("stac.db"))["items"].len(), 2000);
}
