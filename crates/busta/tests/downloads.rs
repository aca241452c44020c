//! Downloads through the real binary: killed again and again, they arrive whole, each byte once.
//!
//! `BUSTA_KILLS=20` makes it as long as one likes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test")]

mod support;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use busta_sandbox::Object;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use support::origin::Origin;
use support::{COLLECT, Desk};

const OBJECTS: u64 = 4;

/// Of the objects, which differ in length.
fn size(number: u64) -> u64 {
    6_000_000 + 1_000_000 * number
}

fn object(number: u64) -> Object {
    Object::named(&format!("{number}.tif"), size(number))
}

/// A STAC API of one page, whose items name slow objects of the sandbox.
fn api(origin: &str) -> String {
    let features: Vec<Value> = (0..OBJECTS)
        .map(|number| {
            let bytes = object(number).bytes(0..size(number));
            let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            json!({
                "type": "Feature", "stac_version": "1.0.0", "id": format!("scene-{number}"),
                "collection": "scenes", "geometry": null, "links": [],
                "properties": {"datetime": "2024-01-01T00:00:00Z"},
                "assets": {"visual": {
                    "href": format!("{origin}/with/fail=slow,drip=1500ms/objects/{number}.tif?size={}", size(number)),
                    "type": "image/tiff",
                    "file:checksum": format!("1220{digest}"),
                }},
            })
        })
        .collect();
    let landing = json!({
        "type": "Catalog", "id": "api", "stac_version": "1.0.0", "description": "",
        "conformsTo": ["https://api.stacspec.org/v1.0.0/core", "https://api.stacspec.org/v1.0.0/item-search"],
        "links": [{"rel": "search", "href": "/search", "method": "GET", "type": "application/geo+json"}],
    });
    let page =
        json!({"type": "FeatureCollection", "links": [], "numberMatched": OBJECTS, "features": features});
    serve(move |path| match path {
        "/" => landing.to_string(),
        "/collections" => json!({"collections": [{"id": "scenes"}], "links": []}).to_string(),
        _ => page.to_string(),
    })
}

/// Answers JSON by path, for as long as the test's process lives.
fn serve(answer: impl Fn(&str) -> String + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = Vec::new();
            let mut buffer = [0; 4096];
            while !head.windows(4).any(|four| four == b"\r\n\r\n") {
                match stream.read(&mut buffer) {
                    Ok(read @ 1..) => head.extend_from_slice(&buffer[..read]),
                    // A killed client hangs up.
                    _ => break,
                }
            }
            let head = String::from_utf8_lossy(&head).into_owned();
            let target = head.split(' ').nth(1).unwrap_or("/");
            let body = answer(target.split('?').next().unwrap_or("/"));
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
            );
        }
    });
    url
}

#[allow(clippy::disallowed_methods, reason = "how long the test is, is up to whoever runs it")]
fn kills() -> u32 {
    std::env::var("BUSTA_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(5)
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the moment of death must not depend on what the process does")]
fn killed_downloads_go_on_where_they_were() {
    let origin = Origin::default();
    let desk = Desk::new(&format!(
        "destination: {{ type: sqlite, path: out.db }}
sources:
  - name: scenes
    type: stac
    url: {}
    assets: {{ folder: scenes, include: [visual], require_checksum: true }}
",
        api(&origin.url())
    ));
    let mut chance = fastrand::Rng::with_seed(7);
    for _ in 0..kills() {
        let mut child = desk.spawn(&[&COLLECT[..], &["--resume"]].concat());
        std::thread::sleep(Duration::from_millis(chance.u64(250..650)));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(whole(&desk).iter().all(|number| *number < OBJECTS), "no partial file is visible");
    }
    desk.collect_well(&["--resume"]);
    assert_eq!(whole(&desk), (0..OBJECTS).collect::<Vec<_>>());
    let total: u64 = (0..OBJECTS).map(size).sum();
    let sent = origin.stats().total.bytes;
    let share = sent as f64 / total as f64;
    println!("{sent} bytes of {total} were sent: {share:.4}");
    // Five kills of at most four downloads; each may lose what was in the air, about one piece of 100 kB.
    assert!(share < 1.0 + 0.02 * f64::from(kills()), "{sent} bytes of {total} were sent: {share:.3}");
    let db = rusqlite::Connection::open(desk.file("out.db")).unwrap();
    let verified: i64 =
        db.query_row("SELECT count(*) FROM assets WHERE verified = 1", [], |row| row.get(0)).unwrap();
    assert_eq!(verified, OBJECTS as i64);
    assert!(std::fs::read_dir(desk.file("scenes/_busta/parts")).unwrap().next().is_none(), "parts are left");

    origin.sandbox().reset();
    desk.collect_well(&[]);
    assert_eq!(origin.stats().total.requests, 0, "what is verified is not asked for again");
}

/// The files that are there, each of which must be the whole object.
fn whole(desk: &Desk) -> Vec<u64> {
    let there =
        |number: &u64| match std::fs::read(desk.file(&format!("scenes/scenes/scene-{number}/visual.tif"))) {
            Ok(bytes) => {
                assert!(
                    bytes == object(*number).bytes(0..size(*number)),
                    "object {number} is not what it was"
                );
                true
            }
            Err(_) => false,
        };
    (0..OBJECTS).filter(there).collect()
}
