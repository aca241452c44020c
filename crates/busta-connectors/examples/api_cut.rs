//! How fast pages are cut into records: `cargo run --release -p busta-connectors --example api_cut`.
//!
//! Pages of 100 records of 0.5 KB, as in the sandbox, with the next URL and the total picked on the
//! way. Prints the rate of one core, and for comparison that of a document tree.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a measurement for people")]
#![allow(dead_code, reason = "the modules are used here in part only")]

use std::hint::black_box;
use std::time::{Duration, Instant};

#[path = "../src/sources/api/cut.rs"]
mod cut;
#[path = "../src/sources/api/path.rs"]
mod path;

use path::{RecordsPath, parse_value};

fn page() -> String {
    let record = |id: usize| {
        format!(
            r#"{{"id":{id},"name":"Ada Example {id}","email":"ada{id}@mail.example","amount":129.95,"quantity":3,"paid":true,"status":"shipped","customer":{{"id":{id},"city":"Würzburg","country":"DE","geo":{{"lat":49.79,"lon":9.93}}}},"tags":["new","\"quoted\"","gift"],"note":"{}","revision":1,"created_at":"2024-01-01T00:00:00Z","updated_at":"2024-01-01T00:00:00Z"}}"#,
            "words of a note that somebody wrote ".repeat(4)
        )
    };
    let items: Vec<String> = (0..100).map(record).collect();
    format!(r#"{{"items":[{}],"total":200000,"next":"https://a.example/?page=2"}}"#, items.join(","))
}

fn rate(bytes: usize, mut once: impl FnMut()) -> f64 {
    let (started, mut rounds) = (Instant::now(), 0);
    while started.elapsed() < Duration::from_secs(2) {
        once();
        rounds += 1;
    }
    (bytes * rounds) as f64 / started.elapsed().as_secs_f64() / 1e6
}

fn main() {
    let page = page();
    let RecordsPath::Simple(segments, taken) = RecordsPath::parse("$.items").unwrap() else { return };
    let values = ["$.next", "$.total"].map(|path| Some(parse_value(path).unwrap()));
    let cut = cut::Cut::new(Some((segments, taken)), &values);
    assert_eq!(cut.apply(&page).unwrap().items.len(), 100);
    let cutting = rate(page.len(), || {
        let text = std::str::from_utf8(black_box(page.as_bytes())).unwrap();
        black_box(cut.apply(text).unwrap());
    });
    let tree = rate(page.len(), || {
        black_box(serde_json::from_str::<serde_json::Value>(black_box(&page)).unwrap());
    });
    println!("page of {} bytes: cut at {cutting:.0} MB/s, as a tree {tree:.0} MB/s", page.len());
}
