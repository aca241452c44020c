//! Downloads through the real binary: killed again and again, they arrive whole, each byte once.
//!
//! `BUSTA_KILLS=20` makes it as long as one likes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use busta_sandbox::Object;
use serde_json::{Value, json};
use support::origin::Origin;
use support::{COLLECT, Desk};

/// The objects of a test, which differ in length.
#[derive(Clone, Copy)]
struct Objects {
    count: u64,
    smallest: u64,
    /// What their server does to them.
    profile: &'static str,
}

impl Objects {
    fn size(self, number: u64) -> u64 {
        self.smallest + 1_000_000 * number
    }

    fn object(self, number: u64) -> Object {
        Object::named(&format!("{number}.tif"), self.size(number))
    }

    fn total(self) -> u64 {
        (0..self.count).map(|number| self.size(number)).sum()
    }

    /// The files that are there, each of which must be the whole object.
    fn whole(self, desk: &Desk) -> Vec<u64> {
        let there = |number: &u64| {
            let file = desk.file(&format!("scenes/scenes/scene-{number}/visual.tif"));
            let Ok(bytes) = std::fs::read(file) else { return false };
            let wanted = self.object(*number).bytes(0..self.size(*number));
            assert!(bytes == wanted, "object {number} is not what it was");
            true
        };
        (0..self.count).filter(there).collect()
    }
}

/// A STAC API of one page, whose items name slow objects of the sandbox.
fn api(origin: &str, objects: Objects) -> String {
    let features: Vec<Value> = (0..objects.count)
        .map(|number| {
            let checksum = objects.object(number).multihash();
            let (profile, size) = (objects.profile, objects.size(number));
            json!({
                "type": "Feature", "stac_version": "1.0.0", "id": format!("scene-{number}"),
                "collection": "scenes", "geometry": null, "links": [],
                "properties": {"datetime": "2024-01-01T00:00:00Z"},
                "assets": {"visual": {
                    "href": format!("{origin}/with/{profile}/objects/{number}.tif?size={size}"),
                    "type": "image/tiff",
                    "file:checksum": checksum,
                }},
            })
        })
        .collect();
    let landing = json!({
        "type": "Catalog", "id": "api", "stac_version": "1.0.0", "description": "",
        "conformsTo": ["https://api.stacspec.org/v1.0.0/core", "https://api.stacspec.org/v1.0.0/item-search"],
        "links": [{"rel": "search", "href": "/search", "method": "GET", "type": "application/geo+json"}],
    });
    let page = json!({"type": "FeatureCollection", "links": [], "numberMatched": objects.count, "features": features});
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

/// A desk that downloads the objects with these more keys of `assets`.
fn desk(origin: &Origin, objects: Objects, more: &str) -> Desk {
    Desk::new(&format!(
        "destination: {{ type: sqlite, path: out.db }}
sources:
  - name: scenes
    type: stac
    url: {}
    assets: {{ folder: scenes, include: [visual], require_checksum: true{more} }}
",
        api(&origin.url(), objects)
    ))
}

/// Kills the run again and again, after `moments` in milliseconds, and ends it; every object must be there
/// then, and have come once. Answers come in pieces of up to `piece` bytes: the one that is on its way to a process
/// that dies is lost, and no other.
#[allow(clippy::disallowed_methods, reason = "the moment of death must not depend on what the process does")]
fn is_killed_and_goes_on(objects: Objects, more: &str, moments: std::ops::Range<u64>, piece: u64) -> Origin {
    let origin = Origin::default();
    let desk = desk(&origin, objects, more);
    let mut chance = fastrand::Rng::with_seed(7);
    for _ in 0..kills() {
        let mut child = desk.spawn(&[&COLLECT[..], &["--resume"]].concat());
        std::thread::sleep(Duration::from_millis(chance.u64(moments.clone())));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(objects.whole(&desk).len() as u64 <= objects.count, "no partial file is visible");
    }
    desk.collect_well(&["--resume"]);
    assert_eq!(objects.whole(&desk), (0..objects.count).collect::<Vec<_>>());
    let stats = origin.stats();
    let (sent, whole, cut) = (stats.total.bytes, objects.total(), stats.total.cut);
    assert!(
        sent <= whole / 100 * 102 + cut * piece,
        "{sent} bytes of {whole} were sent, and {cut} answers cut"
    );
    let db = rusqlite::Connection::open(desk.file("out.db")).unwrap();
    let verified: i64 =
        db.query_row("SELECT count(*) FROM assets WHERE verified = 1", [], |row| row.get(0)).unwrap();
    assert_eq!(verified, objects.count as i64);
    assert!(std::fs::read_dir(desk.file("scenes/_busta/parts")).unwrap().next().is_none(), "parts are left");
    let requests = stats.total.requests;
    desk.collect_well(&[]);
    assert_eq!(origin.stats().total.requests, requests, "what is verified is not asked for again");
    origin
}

#[test]
fn killed_downloads_go_on_where_they_were() {
    let objects = Objects { count: 4, smallest: 6_000_000, profile: "fail=slow,drip=1500ms" };
    is_killed_and_goes_on(objects, "", 250..650, 9_000_000 / 20);
}

#[test]
fn killed_downloads_of_several_ranges_go_on_where_they_were() {
    let objects = Objects { count: 2, smallest: 40_000_000, profile: "fail=slow,drip=600ms" };
    let more = ", ranges: { min_size: 4MiB, size: 2MiB, max_concurrency: 3 }";
    let origin = is_killed_and_goes_on(objects, more, 250..1000, (4 << 20) / 20);
    assert!((3..=5).contains(&origin.stats().total.max_in_flight), "{}", origin.stats().total.max_in_flight);
}

#[test]
fn ranges_of_one_object_keep_to_all_limits() {
    let objects = Objects { count: 1, smallest: 6_000_000, profile: "latency=30ms" };
    let most = |settings: &str, parallel: bool| {
        let origin = Origin::default();
        let desk = desk(&origin, objects, ", ranges: { min_size: 512KiB, size: 256KiB, max_concurrency: 6 }");
        let yaml = std::fs::read_to_string(desk.file("busta.yaml")).unwrap();
        desk.write("busta.yaml", format!("{settings}\n{yaml}"));
        if parallel {
            desk.collect_well(&[]);
        } else {
            assert_eq!(desk.busta(&["sources", "collect"]).code, 0);
        }
        assert_eq!(objects.whole(&desk), [0]);
        origin.stats().total.max_in_flight
    };
    assert_eq!(most("", false), 1);
    assert_eq!(most("pools: { stac: 8 }", true), 6);
    assert_eq!(most("pools: { stac: 4 }", true), 4);
    assert_eq!(most("hosts: { 127.0.0.1: { max_concurrency: 2 } }", true), 2);
    // Nine ranges at 20 a second; a steady pace lets no window have more.
    assert!(most("hosts: { 127.0.0.1: { rate_limit: 20/s } }", true) <= 2);
}
