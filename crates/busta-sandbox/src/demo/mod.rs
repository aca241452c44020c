//! What `busta demo` collects: nineteen sources of a sandbox, and files beside them.

mod files;

use std::fmt::Write as _;

pub use files::write_demo_files;

const SOURCES: &str = include_str!("sources.yaml");

/// The part `sources:` of a configuration: REST streams with every kind of pagination and
/// credentials, and feeds; some with limits, some with faults that pass. One split after another they
/// take about 19 s, nearly all of it latency.
///
/// `urls` are those of [`Sandbox::urls`](crate::Sandbox::urls); sources take them in turn. With as many
/// as there are sources ([`DEMO_HOSTS`]), each source is a host of its own, as in life: what one of them
/// asks of its clients does not concern the others.
pub fn demo_config(urls: &[String]) -> String {
    let mut hosts = urls.iter().cycle();
    let mut url = "";
    let mut out = String::with_capacity(SOURCES.len() * 3);
    for line in SOURCES.lines() {
        if line.starts_with("  - name:") {
            url = hosts.next().map_or("", String::as_str);
        }
        match line.strip_prefix("{feeds:") {
            Some(feeds) => write_feeds(&mut out, url, feeds.trim_end_matches('}')),
            None => {
                out.push_str(&line.replace("{url}", url));
                out.push('\n');
            }
        }
    }
    out
}

/// How many sources [`demo_config`] has, and so how many [`hosts`](crate::SandboxConfig::hosts) suit it.
pub const DEMO_HOSTS: u16 = 19;

/// `format:count:prefix:name` becomes a list of so many feeds.
fn write_feeds(out: &mut String, url: &str, spec: &str) {
    let mut parts = spec.split(':');
    let mut next = || parts.next().unwrap_or_default();
    let (format, count, prefix, name) = (next(), next(), next(), next());
    for n in 1..=count.parse().unwrap_or(0) {
        // Writing into a string cannot fail.
        let _ = writeln!(out, "      - {url}{prefix}/feeds/{format}/{name}-{n:02}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_has_its_host_and_no_placeholder_is_left() {
        let urls: Vec<String> = (1..=DEMO_HOSTS).map(|n| format!("http://127.0.0.1:{n}")).collect();
        let text = demo_config(&urls);
        assert_eq!(text.lines().filter(|line| line.starts_with("  - name: ")).count(), urls.len());
        for url in &urls {
            assert!(text.contains(&format!("{url}/")), "{url}");
        }
        assert!(!text.contains("{url}") && !text.contains("{feeds"), "{text}");
        assert_eq!(text.matches("/feeds/").count(), 68);
        assert!(text.contains("path: /rest/page/orders/{orders.id}/lines"));
    }
}
