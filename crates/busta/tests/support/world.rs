//! Twenty sources of all types: chains, pages side by side, parents and children, feeds, files.

use std::fmt::Write;

use super::Desk;

/// A folder with files of every format, and the configuration over them and the origin.
pub fn twenty_sources(url: &str, destination: &str) -> Desk {
    let desk = Desk::new(&yaml(url, destination));
    for n in 0..40 {
        let text =
            format!(r#"[{{"id": {n}, "name": "drop {n}"}}, {{"id": {}, "name": "second"}}]"#, n + 1000);
        desk.write(&format!("drops/{}/{n}.json", n % 4), text);
    }
    let lines: String = (0..3000).fold(String::new(), |mut text, n| {
        let _ = writeln!(
            text,
            r#"{{"n": {n}, "at": "2024-01-01T00:00:{:02}Z", "pad": "{}"}}"#,
            n % 60,
            "x".repeat(2000)
        );
        text
    });
    desk.write("logs/big.ndjson", lines);
    let table: String = (0..500).fold("id,name,price\n".to_owned(), |mut text, n| {
        let _ = writeln!(text, "{n},\"item, {n}\",{n}.5");
        text
    });
    desk.write("tables/items.csv", table);
    desk
}

fn yaml(url: &str, destination: &str) -> String {
    let mut yaml = format!(
        "destination: {destination}\nretry: {{ initial_backoff: 5ms, max_backoff: 50ms, max_retries: 8 }}\nsources:\n"
    );
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
    .take(6)
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
    yaml
}
