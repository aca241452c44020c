//! Trouble at the destination: a clear error, nothing half written, and a run that can be resumed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use support::landed::{assert_same, ndjson, sqlite};
use support::origin::Origin;
use support::world::twenty_sources;
use support::{COLLECT, Desk};

fn simple(destination: &str) -> Desk {
    let desk = Desk::new(&format!(
        "destination: {destination}\nsources:\n  - {{ name: drops, type: files, paths: [drops], primary_key: id }}\n"
    ));
    for n in 0..200 {
        desk.write(&format!("drops/{n}.json"), format!(r#"{{"id": {n}, "pad": "{}"}}"#, "x".repeat(4000)));
    }
    desk
}

#[test]
fn a_locked_database_is_waited_for_and_then_named() {
    let desk = simple("{ type: sqlite, path: out.db }");
    let other = rusqlite::Connection::open(desk.file("out.db")).unwrap();
    other.execute_batch("CREATE TABLE mine (x); BEGIN EXCLUSIVE").unwrap();
    let mut child = desk.command(&COLLECT).stdout(std::process::Stdio::piped()).spawn().unwrap();
    // It must not have ended while the lock is held: it waits.
    assert!(child.try_wait().unwrap().is_none());
    other.execute_batch("COMMIT").unwrap();
    drop(other);
    assert!(child.wait().unwrap().success());
    assert_eq!(sqlite(&desk.file("out.db"))["drops"].len(), 200);
}

#[test]
fn what_is_not_a_database_is_left_alone() {
    let desk = simple("{ type: sqlite, path: out.db }");
    let text = "these are somebody's notes, not a database ".repeat(100);
    desk.write("out.db", &text);
    let ended = desk.busta(&COLLECT);
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    assert!(ended.stdout.contains("not a database"), "{}", ended.stdout);
    assert_eq!(std::fs::read_to_string(desk.file("out.db")).unwrap(), text);
}

/// A full disk: file sizes are limited for the process, which fails writes as a full disk does.
fn with_little_room(desk: &Desk, kilobytes: u32) -> support::Ended {
    let script = format!("trap '' XFSZ; ulimit -f {kilobytes}; exec \"$0\" \"$@\"");
    let mut command = Command::new("bash");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_busta")]).args(COLLECT).current_dir(desk.path());
    command.output().unwrap().into()
}

#[test]
fn a_full_disk_leaves_a_run_that_goes_on_when_there_is_room() {
    for (destination, read) in [
        ("{ type: sqlite, path: out.db }", (|desk| sqlite(&desk.file("out.db"))) as fn(&Desk) -> _),
        ("{ type: ndjson, path: out }", |desk| ndjson(&desk.file("out"))),
    ] {
        let desk = simple(destination);
        let ended = with_little_room(&desk, 300);
        assert_eq!(ended.code, 3, "{destination}: {}", ended.stderr);
        desk.collect_well(&["--resume"]);
        let landed = read(&desk);
        assert_eq!(landed["drops"].len(), 200, "{destination}");
    }
}

#[test]
fn a_folder_that_cannot_be_written_to_is_named() {
    let desk = simple("{ type: sqlite, path: nowhere/sub/out.db }");
    std::fs::create_dir(desk.file("nowhere")).unwrap();
    std::fs::set_permissions(desk.file("nowhere"), std::fs::Permissions::from_mode(0o500)).unwrap();
    if std::fs::write(desk.file("nowhere/probe"), "").is_ok() {
        // Root writes everywhere; a file in the place of the folder is as bad for everyone.
        std::fs::remove_dir_all(desk.file("nowhere")).unwrap();
        desk.write("nowhere", "a file");
    }
    let ended = desk.busta(&COLLECT);
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    assert!(ended.stdout.contains("nowhere"), "{}", ended.stdout);
}

#[test]
fn a_database_that_is_deleted_is_made_anew() {
    let origin = Origin::default();
    let desk = twenty_sources(&origin.url(), "{ type: sqlite, path: out.db }");
    desk.collect_well(&[]);
    let expected = sqlite(&desk.file("out.db"));
    std::fs::remove_file(desk.file("out.db")).unwrap();
    desk.collect_well(&[]);
    assert_same(&sqlite(&desk.file("out.db")), &expected, "after the database was deleted");
}
