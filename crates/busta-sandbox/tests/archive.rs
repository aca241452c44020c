//! Repositories of files: listings in full, files that are what their checksums say, and every fault as it says.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "a test may fail so")]

mod common;

use std::collections::BTreeSet;
use std::io::{Cursor, Read as _};

use busta_sandbox::{ArchiveWorld, Sandbox, SandboxConfig};
use common::{client, start};
use md5::{Digest as _, Md5};
use reqwest::{Method, Response};
use sha2::Sha256;

const DAY: &str = "data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-01-05.zip";

async fn origin() -> Sandbox {
    start(SandboxConfig::default()).await
}

async fn send(method: Method, url: &str, headers: &[(&'static str, &str)]) -> Response {
    let mut request = client().request(method, url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

async fn get(url: &str) -> Response {
    send(Method::GET, url, &[]).await
}

async fn bytes(url: &str) -> Vec<u8> {
    let answer = get(url).await;
    assert_eq!(answer.status(), 200, "{url}");
    answer.bytes().await.unwrap().to_vec()
}

async fn text(url: &str) -> String {
    String::from_utf8(bytes(url).await).unwrap()
}

fn header(answer: &Response, name: &str) -> String {
    answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

fn hex(digest: impl AsRef<[u8]>) -> String {
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sha256(bytes: &[u8]) -> String {
    hex(Sha256::digest(bytes))
}

/// The names and contents of the members of a zip, read by a library that has nothing to do with the sandbox.
fn members(bytes: Vec<u8>) -> Vec<(String, Vec<u8>)> {
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    (0..zip.len())
        .map(|n| {
            let mut member = zip.by_index(n).unwrap();
            let mut out = Vec::new();
            member.read_to_end(&mut out).unwrap();
            (member.name().unwrap().into_owned(), out)
        })
        .collect()
}

/// What stands between `<name>` and its end, each time.
fn all<'a>(xml: &'a str, name: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    xml.split(open.as_str()).skip(1).map(|rest| rest.split(close.as_str()).next().unwrap()).collect()
}

/// All keys and folders that a listing gives, page by page.
async fn walk(base: &str, query: &str, v2: bool) -> (Vec<String>, Vec<String>) {
    let (mut keys, mut folders, mut next) = (Vec::new(), Vec::new(), String::new());
    loop {
        let kind = if v2 { "list-type=2&" } else { "" };
        let xml = text(&format!("{base}?{kind}{query}{next}")).await;
        let page = all(&xml, "Key");
        assert_eq!((page.len(), page.len()), (all(&xml, "Size").len(), all(&xml, "ETag").len()));
        keys.extend(page.iter().map(|key| (*key).to_owned()));
        let inner = all(&xml, "CommonPrefixes").into_iter().map(|prefix| all(prefix, "Prefix")[0].to_owned());
        folders.extend(inner);
        if all(&xml, "IsTruncated") == ["false"] {
            return (keys, folders);
        }
        next = match v2 {
            true => format!("&continuation-token={}", all(&xml, "NextContinuationToken")[0]),
            false => {
                let marker = all(&xml, "NextMarker").first().map(|marker| (*marker).to_owned());
                assert_eq!(marker.is_some(), query.contains("delimiter"));
                format!("&marker={}", marker.unwrap_or_else(|| keys.last().unwrap().clone()))
            }
        };
    }
}

#[tokio::test]
async fn both_listings_give_everything_once() {
    let sandbox = origin().await;
    let name = "markets=spot+um,from=2024-01-01,to=2024-02-03,types=klines+trades";
    let base = format!("{}/archive/{name}", sandbox.url());
    let world: ArchiveWorld = name.parse().unwrap();
    let wanted = world.paths();
    assert_eq!(wanted.len(), 2 * 2 * 2 * (34 + 1) * 2);
    for (v2, query) in
        [(true, ""), (true, "max-keys=7"), (false, "max-keys=50"), (false, "max-keys=3&prefix=data/spot/m")]
    {
        let (keys, folders) = walk(&base, query, v2).await;
        let prefix = query.split_once("prefix=").map_or("", |(_, prefix)| prefix);
        let wanted: Vec<&String> = wanted.iter().filter(|path| path.starts_with(prefix)).collect();
        assert_eq!(keys.iter().collect::<Vec<_>>(), wanted, "{query}");
        assert!(folders.is_empty());
    }
    for v2 in [true, false] {
        // By folders, in pages that end in the midst of them.
        let (mut found, mut open) = (BTreeSet::new(), vec![String::new()]);
        while let Some(prefix) = open.pop() {
            let (keys, folders) = walk(&base, &format!("delimiter=/&max-keys=1&prefix={prefix}"), v2).await;
            assert!(keys.len() > 1 || !folders.is_empty());
            for key in keys {
                assert!(found.insert(key), "a key comes once");
            }
            open.extend(folders);
            if found.len() > 100 {
                break;
            }
        }
        assert!(found.iter().all(|key| wanted.contains(key)) && found.len() > 100);
    }
    let spot = walk(&base, "delimiter=/&prefix=data/", true).await;
    assert_eq!(spot, (vec![], vec!["data/futures/".to_owned(), "data/spot/".to_owned()]));
    assert_eq!(walk(&base, "start-after=data/spot/n", true).await.0.len(), 0);
}

#[tokio::test]
async fn wrong_listings_are_told_so() {
    let sandbox = origin().await;
    let base = format!("{}/archive/default", sandbox.url());
    for wrong in ["max-keys=many", "encoding-type=xml", "list-type=3", "list-type=2&continuation-token=%21"] {
        let answer = get(&format!("{base}?{wrong}")).await;
        assert_eq!(answer.status(), 400, "{wrong}");
        assert_eq!(all(&answer.text().await.unwrap(), "Code"), ["InvalidArgument"]);
    }
    assert_eq!(get(&format!("{}/archive/listing=off", sandbox.url())).await.status(), 403);
    assert_eq!(get(&format!("{}/archive/symbols=a%2Fb", sandbox.url())).await.status(), 400);
    assert_eq!(send(Method::PUT, &base, &[]).await.status(), 405);
}

#[tokio::test]
async fn odd_names_are_encoded_where_asked_for() {
    let sandbox = origin().await;
    let name = "symbols=%E5%B8%81%26%3CUSDT%3E,types=trades,markets=spot,periods=daily,to=2024-01-01";
    let base = format!("{}/archive/{name}", sandbox.url());
    let plain = walk(&base, "", true).await.0;
    assert_eq!(
        plain[0],
        "data/spot/daily/trades/币&amp;&lt;USDT&gt;/币&amp;&lt;USDT&gt;-trades-2024-01-01.zip"
    );
    let encoded = walk(&base, "encoding-type=url&max-keys=1", false).await.0;
    assert_eq!(encoded.len(), 2);
    let members = members(bytes(&format!("{base}/{}", encoded[0])).await);
    assert_eq!(members[0].0, "币&<USDT>-trades-2024-01-01.csv");
}

#[tokio::test]
async fn a_file_is_what_its_checksum_and_its_listing_say() {
    let sandbox = origin().await;
    let base = format!("{}/archive/default", sandbox.url());
    let world = ArchiveWorld::default();
    let answer = get(&format!("{base}/{DAY}")).await;
    assert_eq!(header(&answer, "last-modified"), "Sat, 06 Jan 2024 02:17:05 GMT");
    let etag = header(&answer, "etag");
    let zip = answer.bytes().await.unwrap().to_vec();
    assert_eq!(etag, format!("\"{}\"", hex(Md5::digest(&zip))));
    assert_eq!(Some(&zip), world.bytes(DAY).as_ref());
    let side = text(&format!("{base}/{DAY}.CHECKSUM")).await;
    assert_eq!(side, format!("{}  BTCUSDT-1h-2024-01-05.zip\n", sha256(&zip)));
    assert_eq!(world.sha256(DAY), Some(sha256(&zip)));
    let xml = text(&format!("{base}?prefix={DAY}")).await;
    assert_eq!(all(&xml, "ETag")[0], etag.replace('"', "&quot;"));
    assert_eq!(all(&xml, "Size"), [zip.len().to_string(), side.len().to_string()]);
    assert_eq!(all(&xml, "LastModified")[0], "2024-01-06T02:17:05.000Z");
    let members = members(zip);
    assert_eq!(members[0].0, "BTCUSDT-1h-2024-01-05.csv");
    assert_eq!(Some(&members[0].1), world.text(DAY).as_ref());
    let rows: Vec<Vec<&str>> =
        std::str::from_utf8(&members[0].1).unwrap().lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(
        (rows.len(), rows[0].len(), rows[0][0], rows[0][6]),
        (24, 12, "1704412800000", "1704416399999")
    );
    let stats = sandbox.stats();
    assert_eq!(stats.group("/archive/files").bytes, world.bytes(DAY).unwrap().len() as u64);
    assert_eq!(stats.group("/archive/checksums").bytes, side.len() as u64);
}
