//! What is collected: twenty sources of all types, a few of them, and searches of a STAC API.

use std::fmt::Write;

use super::Desk;

/// A configuration over an origin, and how many rows an undisturbed run lands.
pub struct World {
    /// Makes it over the origin at a URL and into a destination.
    pub desk: fn(&str, &str) -> Desk,
    pub rows: usize,
}

pub const TWENTY: World = World { desk: twenty_sources, rows: twenty_rows() };
pub const FEW: World = World { desk: few_sources, rows: 3 * 60 + 2 * ITEMS + 80 + 300 };
pub const SEARCHES: World = World { desk: searches, rows: 4 * ITEMS };

/// 40 orders of each of three kinds, as many records made of them, and lines that are searched once for all kinds.
pub const CHAIN: World = World { desk: chain, rows: 3 * 40 + 3 * 40 + 8 * (1 + 2 + 3 + 4) };

/// So many items every search finds.
const ITEMS: usize = 400;

const RETRY: &str = "retry: { initial_backoff: 5ms, max_backoff: 50ms, max_retries: 8 }";

/// Nine chains, five sources of pages, 40 orders with `id % 5` lines each, 30 feeds, and the files.
const fn twenty_rows() -> usize {
    let lines = 8 * (1 + 2 + 3 + 4);
    let trades = if cfg!(feature = "parquet") { 2 * TRADES } else { 0 };
    9 * 200 + 5 * 300 + 40 + lines + 30 * 10 + 80 + 3000 + 500 + trades
}

/// So many rows has each of the Parquet files.
const TRADES: usize = 6000;

/// Enough for every failpoint: appended and merged, more than a file holds, pieces of a search.
fn few_sources(url: &str, destination: &str) -> Desk {
    let mut yaml = format!("destination: {destination}\n{RETRY}\nsources:\n");
    for (name, key) in [
        ("appended", ""),
        ("merged", "        primary_key: id\n"),
        ("replaced", "        write_mode: replace\n"),
    ] {
        let _ = write!(
            yaml,
            "  - name: {name}
    type: api
    base_url: {url}
    streams:
      - name: {name}
        path: /rest/next_url/{name}?size=60&per_page=20
        records: $.items
{key}        pagination: {{ type: next_url, path: $.next }}
"
        );
    }
    let _ = write!(
        yaml,
        "  - {{ name: search, type: stac, url: '{url}/stac/{ITEMS}', limit: 40, split: {{ by: time, chunks: 3 }}, table: found }}
  - {{ name: events, type: stac, url: '{url}/stac/{ITEMS}', limit: 100, split: {{ by: time, chunks: 3 }}, write_mode: append, table: events }}
  - {{ name: drops, type: files, paths: [drops/**/*.json], primary_key: id }}
  - {{ name: logs, type: files, paths: [logs/*.ndjson] }}
"
    );
    let desk = Desk::new(&yaml);
    write_drops(&desk);
    write_log(&desk, 300);
    desk
}

/// An API read once for each of three kinds, whose records lead to requests and to records of another stream. Only
/// what is read for the kinds is merged: what is appended must come once.
fn chain(url: &str, destination: &str) -> Desk {
    let slow = "with/latency=10ms,jitter=10ms,fail=500:every:9";
    Desk::new(&format!(
        "destination: {destination}
{RETRY}
sources:
  - name: chain
    type: api
    base_url: {url}/as/chain/{slow}
    services:
      lines: {{ base_url: '{url}/as/lines/{slow}' }}
    streams:
      - name: kinds
        for_each: {{ kind: [a, b, c] }}
        path: /rest/next_url/{{kind}}?size=40&per_page=7
        records: $.items
        map: '{{key: \"\\($for.kind)-\\(.id)\", id, updated_at}}'
        primary_key: key
        cursor: {{ field: updated_at }}
        pagination: {{ type: next_url, path: $.next }}
      - name: made
        from: kinds
        map: '{{key, twice: (.id * 2)}}'
      - name: lines
        service: lines
        parent: kinds
        with: {{ n: .id }}
        path: /rest/page/orders/{{with.n}}/lines
        records: $.items
        pagination: {{ type: page, per_page: 10, total_path: $.total }}
"
    ))
}

/// One STAC API, searched four times: with and without counts, split and not, by POST and GET.
fn searches(url: &str, destination: &str) -> Desk {
    let ways = [
        ("counted", "500:every:9", "", "split: auto, method: post"),
        (
            "timed",
            "reset:every:11",
            ",next=get",
            "split: { by: time, chunks: 6 }, method: get, write_mode: append",
        ),
        ("uncounted", "truncate:every:12", ",matched=off", "split: auto, method: get, write_mode: append"),
        ("whole", "429:every:13", ",next=merge", "split: none, method: post, write_mode: append"),
    ];
    let mut yaml = format!("destination: {destination}\n{RETRY}\nsources:\n");
    for (name, fault, options, keys) in ways {
        let _ = writeln!(
            yaml,
            "  - {{ name: {name}, type: stac, url: '{url}/as/{name}/with/latency=15ms,jitter=10ms,fail={fault}/stac/{ITEMS}{options}', table: {name}, limit: 20, {keys} }}"
        );
    }
    Desk::new(&yaml)
}

fn write_drops(desk: &Desk) {
    for n in 0..40 {
        let text =
            format!(r#"[{{"id": {n}, "name": "drop {n}"}}, {{"id": {}, "name": "second"}}]"#, n + 1000);
        desk.write(&format!("drops/{}/{n}.json", n % 4), text);
    }
}

fn write_log(desk: &Desk, lines: usize) {
    let text: String = (0..lines).fold(String::new(), |mut text, n| {
        let _ = writeln!(
            text,
            r#"{{"n": {n}, "at": "2024-01-01T00:00:{:02}Z", "pad": "{}"}}"#,
            n % 60,
            "x".repeat(2000)
        );
        text
    });
    desk.write("logs/big.ndjson", text);
}

/// A folder with files of every format, and the configuration over them and the origin.
pub fn twenty_sources(url: &str, destination: &str) -> Desk {
    let desk = Desk::new(&yaml(url, destination));
    write_drops(&desk);
    write_log(&desk, 3000);
    let table: String = (0..500).fold("id,name,price\n".to_owned(), |mut text, n| {
        let _ = writeln!(text, "{n},\"item, {n}\",{n}.5");
        text
    });
    desk.write("tables/items.csv", table);
    #[cfg(feature = "parquet")]
    write_trades(&desk);
    desk
}

/// Two files of Parquet, of which the second has other columns.
#[cfg(feature = "parquet")]
fn write_trades(desk: &Desk) {
    use busta_parquet::{ParquetWriter, Shape, WriteOptions};
    for file in 0..2 {
        let row = |n: usize| match file {
            0 => format!(r#"{{"n":{n},"price":{n}.5,"at":"2024-01-01T00:00:00.{n:06}Z","tags":[{n},null]}}"#),
            _ => format!(r#"{{"n":{},"note":"note {n}","price":0.{n},"tags":[]}}"#, n + TRADES),
        };
        let rows = (0..TRADES).map(row).collect::<Vec<_>>();
        let rows = rows.iter().map(String::as_str).collect();
        let mut bytes = Vec::new();
        let writer = ParquetWriter::create(&mut bytes, &Shape::of(&rows), &WriteOptions::default());
        let mut writer = writer.unwrap();
        writer.write(&rows).unwrap();
        writer.close().unwrap();
        desk.write(&format!("trades/{file}.parquet"), bytes);
    }
}

fn yaml(url: &str, destination: &str) -> String {
    let mut yaml = format!("destination: {destination}\n{RETRY}\nsources:\n");
    let chains = [
        ("cursor", "{ type: cursor, path: $.next_cursor, param: cursor }"),
        ("next_url", "{ type: next_url, path: $.next }"),
        ("link", "{ type: link_header }"),
    ];
    for n in 0..9 {
        let (kind, pagination) = chains[n % 3];
        let records = if kind == "link" { "$" } else { "$.items" };
        let key = if n % 2 == 0 { "        primary_key: id\n" } else { "" };
        let fault = ["", ",fail=500:every:7", ",fail=reset:every:9", ",fail=truncate:every:8"][n % 4];
        let _ = write!(
            yaml,
            "  - name: chain{n}
    type: api
    base_url: {url}/as/chain{n}/with/latency=15ms,jitter=10ms{fault}
    streams:
      - name: chain{n}
        path: /rest/{kind}/chain{n}?size=200&per_page=25&limit=25
        records: {records}
{key}        pagination: {pagination}
"
        );
    }
    for (n, (kind, pagination)) in [
        ("page", "{ type: page, per_page: 20, total_path: $.total }"),
        ("offset", "{ type: offset, limit: 20, total_path: $.total }"),
    ]
    .into_iter()
    .cycle()
    .take(5)
    .enumerate()
    {
        let _ = write!(
            yaml,
            "  - name: pages{n}
    type: api
    base_url: {url}/as/pages{n}/with/latency=15ms,jitter=10ms
    streams:
      - name: pages{n}
        path: /rest/{kind}/pages{n}?size=300
        records: $.items
        {}
        pagination: {pagination}
",
            if n % 2 == 0 { "primary_key: id" } else { "write_mode: append" }
        );
    }
    let _ = write!(
        yaml,
        "  - name: orders
    type: api
    base_url: {url}/as/orders/with/latency=10ms
    streams:
      - name: orders
        path: /rest/next_url/orders?size=40&per_page=10
        records: $.items
        primary_key: id
        pagination: {{ type: next_url, path: $.next }}
      - name: order_lines
        path: /rest/none/orders/{{orders.id}}/lines
        records: $
        primary_key: [order_id, line]
"
    );
    yaml.push_str("  - name: news\n    type: rss\n    feeds:\n");
    for n in 0..30 {
        let format = ["rss2", "atom", "json", "rdf", "rss091", "rss092"][n % 6];
        let _ = writeln!(yaml, "      - {url}/as/news/with/latency=15ms/feeds/{format}/feed{n}?entries=10");
    }
    yaml.push_str(
        "  - { name: drops, type: files, paths: [drops/**/*.json], primary_key: id }
  - { name: logs, type: files, paths: [logs/*.ndjson] }
  - { name: items, type: files, paths: [tables/*.csv] }
",
    );
    if cfg!(feature = "parquet") {
        yaml.push_str("  - { name: trades, type: files, paths: [trades] }\n");
    }
    yaml
}
