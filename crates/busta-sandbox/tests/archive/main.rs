//! Repositories of files: listings in full, files that are what their checksums say, and every fault as it says.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "a test may fail so")]

#[path = "../common/mod.rs"]
mod common;
mod listings;

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

#[tokio::test]
async fn ranges_put_together_are_the_whole() {
    let sandbox = origin().await;
    // Of trades in four members, made of patterns: the header, and pieces that are shared with other files.
    let name = "symbols=1,markets=um,types=trades,to=2024-01-01,rows=60000,members=4";
    let world: ArchiveWorld = format!("{name},periods=daily").parse().unwrap();
    let path = "data/futures/um/daily/trades/BTCUSDT/BTCUSDT-trades-2024-01-01.zip";
    let url = format!("{}/archive/{name},periods=daily/{path}", sandbox.url());
    let whole = world.bytes(path).unwrap();
    let head = send(Method::HEAD, &url, &[]).await;
    assert_eq!(header(&head, "content-length"), whole.len().to_string());
    let (mut joined, mut at) = (Vec::new(), 0);
    for n in 1.. {
        let end = (at + n * 37_003).min(whole.len()) - 1;
        let answer = send(Method::GET, &url, &[("range", &format!("bytes={at}-{end}"))]).await;
        assert_eq!(answer.status(), 206);
        assert_eq!(header(&answer, "content-range"), format!("bytes {at}-{end}/{}", whole.len()));
        joined.extend_from_slice(&answer.bytes().await.unwrap());
        at = end + 1;
        if at == whole.len() {
            break;
        }
    }
    assert!(joined == whole);
    let members = members(joined);
    assert_eq!(members.len(), 4);
    let rows: Vec<u8> = members.into_iter().flat_map(|(_, rows)| rows).collect();
    assert!(Some(&rows) == world.text(path).as_ref());
    assert_eq!(rows.iter().filter(|byte| **byte == b'\n').count(), 60_001);
    let etag = header(&head, "etag");
    for (name, value, status) in [
        ("if-none-match", etag.as_str(), 304),
        ("if-none-match", "\"other\"", 200),
        ("if-modified-since", &header(&head, "last-modified"), 304),
        ("if-match", "\"other\"", 412),
        ("range", "bytes=999999999-", 416),
    ] {
        assert_eq!(send(Method::GET, &url, &[(name, value)]).await.status(), status, "{name}");
    }
    for (value, status) in [(etag.as_str(), 206), ("\"other\"", 200)] {
        let answer = send(Method::GET, &url, &[("range", "bytes=5-9"), ("if-range", value)]).await;
        assert_eq!(answer.status(), status, "if-range: {value}");
    }
}

#[tokio::test]
async fn a_large_file_costs_little_and_is_about_as_large_as_asked_for() {
    let sandbox = origin().await;
    let name = "symbols=1,markets=spot,types=aggTrades,periods=daily,to=2024-01-01,size=2MB,etag=multipart";
    let url = format!("{}/archive/{name}/data/spot/daily/aggTrades/BTCUSDT", sandbox.url());
    let file = "BTCUSDT-aggTrades-2024-01-01.zip";
    let answer = get(&format!("{url}/{file}")).await;
    let etag = header(&answer, "etag");
    let zip = answer.bytes().await.unwrap().to_vec();
    assert_eq!(etag, format!("\"{}-1\"", hex(Md5::digest(Md5::digest(&zip)))));
    assert!((1_900_000..2_100_000).contains(&zip.len()), "{}", zip.len());
    assert_eq!(text(&format!("{url}/{file}.CHECKSUM")).await, format!("{}  {file}\n", sha256(&zip)));
    let rows = members(zip).remove(0).1;
    assert!(rows.len() > 4_000_000 && rows.ends_with(b"True\n"));
}

#[tokio::test]
async fn gzip_files_of_the_other_layout_are_read() {
    let sandbox = origin().await;
    let base = format!("{}/archive/bybit,symbols=ETHUSDT,rows=60000", sandbox.url());
    let path = "trading/ETHUSDT/ETHUSDT2024-01-31.csv.gz";
    let gz = bytes(&format!("{base}/{path}")).await;
    let mut rows = String::new();
    flate2::read::GzDecoder::new(gz.as_slice()).read_to_string(&mut rows).unwrap();
    let mut lines = rows.lines();
    assert!(lines.next().unwrap().starts_with("timestamp,symbol,side,size,price,"));
    assert!(lines.next().unwrap().starts_with("1706659200.0000,ETHUSDT,"));
    assert_eq!(lines.count(), 59_999);
    assert_eq!(get(&format!("{base}/{path}.CHECKSUM")).await.status(), 404);
}

#[tokio::test]
async fn a_month_is_its_days_and_units_and_headers_are_those_of_the_exchange() {
    let year: ArchiveWorld =
        "symbols=1,markets=spot+um+cm,from=2024-12-01,to=2025-01-31,intervals=4h".parse().unwrap();
    for kind in ["klines/BTCUSDT/4h/BTCUSDT-4h", "trades/BTCUSDT/BTCUSDT-trades"] {
        let month = year.text(&format!("data/spot/monthly/{kind}-2025-01.zip")).unwrap();
        let days: Vec<u8> = (1..=31)
            .flat_map(|day| year.text(&format!("data/spot/daily/{kind}-2025-01-{day:02}.zip")).unwrap())
            .collect();
        assert!(month == days, "{kind}");
    }
    let klines = |market: &str, month: &str, years: &ArchiveWorld| {
        let path = format!("data/{market}/monthly/klines/BTCUSDT/4h/BTCUSDT-4h-{month}.zip");
        String::from_utf8(years.text(&path).unwrap()).unwrap()
    };
    assert!(klines("spot", "2024-12", &year).starts_with("1733011200000,"));
    assert!(klines("spot", "2025-01", &year).starts_with("1735689600000000,"));
    assert!(klines("futures/cm", "2025-01", &year).contains("\n1735689600000,"));
    assert!(klines("futures/um", "2025-01", &year).starts_with("open_time,open,high,"));
    let old: ArchiveWorld =
        "symbols=1,markets=um+cm,from=2022-06-01,to=2022-06-30,intervals=4h".parse().unwrap();
    assert!(klines("futures/um", "2022-06", &old).starts_with("1654041600000,"));
    assert!(klines("futures/cm", "2022-06", &old).starts_with("open_time,"));
}

#[tokio::test]
async fn what_is_not_there_is_told_as_asked_for() {
    let sandbox = origin().await;
    for (world, status, code) in
        [("gone=2024-01-05", 404, "NoSuchKey"), ("gone=01-05,missing=403", 403, "AccessDenied")]
    {
        let base = format!("{}/archive/{world}", sandbox.url());
        let answer = get(&format!("{base}/{DAY}")).await;
        assert_eq!(
            (answer.status().as_u16(), header(&answer, "content-type")),
            (status, "application/xml".into())
        );
        assert_eq!(all(&answer.text().await.unwrap(), "Code"), [code]);
        let listed = walk(&base, "prefix=data/spot/daily/klines/BTCUSDT/", true).await.0;
        assert_eq!((listed.len(), listed.contains(&DAY.to_owned())), (60, false));
        assert_eq!(bytes(&format!("{base}/{}", DAY.replace("01-05", "01-06"))).await[..2], *b"PK");
    }
}

#[tokio::test]
async fn side_files_are_wrong_late_or_missing_as_asked_for() {
    let sandbox = origin().await;
    let world = "no_checksum=01-04,wrong_checksum=01-05,late_checksum=01-06,late=2";
    let base = format!("{}/archive/{world}", sandbox.url());
    let path = |day| DAY.replace("01-05", day);
    let right = |zip: &[u8], day| format!("{}  BTCUSDT-1h-2024-{day}.zip\n", sha256(zip));
    assert_eq!(get(&format!("{base}/{}.CHECKSUM", path("01-04"))).await.status(), 404);
    for (day, answers) in [("01-05", [false; 4]), ("01-06", [false, false, true, true]), ("01-07", [true; 4])]
    {
        let zip = bytes(&format!("{base}/{}", path(day))).await;
        send(Method::HEAD, &format!("{base}/{}.CHECKSUM", path(day)), &[]).await;
        for (n, answer) in answers.into_iter().enumerate() {
            let side = text(&format!("{base}/{}.CHECKSUM", path(day))).await;
            assert_eq!(
                (side.len(), side == right(&zip, day)),
                (64 + 2 + "BTCUSDT-1h-2024-01-05.zip\n".len(), answer),
                "{day}, time {n}"
            );
        }
    }
    sandbox.reset();
    let side = text(&format!("{base}/{}.CHECKSUM", path("01-06"))).await;
    assert!(!side.starts_with(&ArchiveWorld::default().sha256(&path("01-06")).unwrap()), "it is late again");
}

#[tokio::test]
async fn other_forms_of_side_files_are_right() {
    let sandbox = origin().await;
    let file = |form: &str| format!("{}/archive/checksums={form}/{DAY}", sandbox.url());
    let zip = bytes(&file("off")).await;
    assert_eq!(text(&format!("{}.sha256", file("sha256"))).await.trim_end(), sha256(&zip));
    let md5 = format!("{}  BTCUSDT-1h-2024-01-05.zip\n", hex(Md5::digest(&zip)));
    assert_eq!(text(&format!("{}.md5", file("md5"))).await, md5);
    let sums = file("sums").replace("BTCUSDT-1h-2024-01-05.zip", "SHA256SUMS");
    let sums = text(&sums).await;
    assert_eq!(sums.lines().count(), 31);
    assert!(sums.contains(&format!("{}  BTCUSDT-1h-2024-01-05.zip\n", sha256(&zip))));
    assert_eq!(get(&format!("{}.CHECKSUM", file("off"))).await.status(), 404);
}

#[tokio::test]
async fn an_archive_may_be_damaged_inside_and_hold_what_macos_adds() {
    let sandbox = origin().await;
    let url = format!("{}/archive/bad_crc=01-05,macosx=on/{DAY}", sandbox.url());
    let zip = bytes(&url).await;
    assert!(text(&format!("{url}.CHECKSUM")).await.starts_with(&sha256(&zip)), "its checksum vouches for it");
    let mut archive = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
    let names: Vec<String> =
        (0..2).map(|n| archive.name_for_index(n).unwrap().unwrap().into_owned()).collect();
    assert_eq!(names, ["BTCUSDT-1h-2024-01-05.csv", "__MACOSX/._BTCUSDT-1h-2024-01-05.csv"]);
    assert!(archive.by_index(0).unwrap().read_to_end(&mut Vec::new()).is_err());
    archive.by_index(1).unwrap().read_to_end(&mut Vec::new()).unwrap();
    assert_eq!(members(bytes(&url.replace("2024-01-05.zip", "2024-01-06.zip")).await).len(), 2);
}

#[tokio::test]
async fn a_file_changes_under_the_eyes_of_who_downloads_it() {
    let sandbox = origin().await;
    let url = format!("{}/with/changes=1/archive/default/{DAY}", sandbox.url());
    let before = text(&format!("{url}.CHECKSUM")).await;
    let first = send(Method::GET, &url, &[("range", "bytes=0-99")]).await;
    let etag = header(&first, "etag");
    let first = first.bytes().await.unwrap();
    assert_eq!(text(&format!("{url}.CHECKSUM")).await, before, "it has not been asked for often enough");
    let second = send(Method::GET, &url, &[("range", "bytes=100-"), ("if-range", &etag)]).await;
    assert_eq!((second.status().as_u16(), header(&second, "last-modified").contains("07 Jan")), (200, true));
    assert_ne!(header(&second, "etag"), etag);
    let second = second.bytes().await.unwrap();
    let after = text(&format!("{url}.CHECKSUM")).await;
    assert!(after != before && after.starts_with(&sha256(&second)));
    assert_eq!(bytes(&url).await, second, "it changes once");
    let old = ArchiveWorld::default().bytes(DAY).unwrap();
    assert!(old.starts_with(&first) && old != second && members(second.to_vec())[0].1.len() > 2000);
    let xml = text(&format!("{}/with/changes=1/archive/default?prefix={DAY}", sandbox.url())).await;
    assert_eq!(all(&xml, "LastModified")[0], "2024-01-07T02:17:05.000Z");
    sandbox.reset();
    assert_eq!(text(&format!("{url}.CHECKSUM")).await, before);
}

#[tokio::test]
async fn files_are_published_again_and_days_are_added() {
    let sandbox = origin().await;
    let base = format!("{}/archive/default", sandbox.url());
    let prefix = "prefix=data/spot/daily/klines/BTCUSDT/";
    let old = text(&format!("{base}?{prefix}")).await;
    sandbox.republish_archive("BTCUSDT-1h-2024-01-05");
    let new = text(&format!("{base}?{prefix}")).await;
    let differ: Vec<&str> = all(&old, "Contents")
        .into_iter()
        .zip(all(&new, "Contents"))
        .filter(|(old, new)| old != new)
        .map(|(old, _)| all(old, "Key")[0])
        .collect();
    assert_eq!(differ, [DAY, &format!("{DAY}.CHECKSUM")]);
    let zip = bytes(&format!("{base}/{DAY}")).await;
    assert_eq!(text(&format!("{base}/{DAY}.CHECKSUM")).await[..64], sha256(&zip));
    sandbox.advance_archive(1);
    let next = DAY.replace("01-05", "02-01");
    assert_eq!(walk(&base, prefix, true).await.0.len(), 64);
    assert_eq!(bytes(&format!("{base}/{next}")).await[..2], *b"PK");
    sandbox.reset();
    assert_eq!(get(&format!("{base}/{next}")).await.status(), 404);
    let lever = |what: &str| client().post(format!("{}/_sandbox/{what}", sandbox.url())).send();
    assert_eq!(lever("advance?archive_days=1").await.unwrap().status(), 200);
    assert_eq!(lever("republish?path=2024-02-01").await.unwrap().status(), 200);
    assert_eq!(
        header(&get(&format!("{base}/{next}")).await, "last-modified"),
        "Sat, 03 Feb 2024 02:17:05 GMT"
    );
    assert_eq!(lever("republish").await.unwrap().status(), 400);
}

#[tokio::test]
async fn profiles_spoil_downloads_also_of_single_files() {
    let sandbox = origin().await;
    let right = ArchiveWorld::default().bytes(DAY).unwrap();
    let url = |profile: &str| format!("{}/with/{profile}/archive/default/{DAY}", sandbox.url());
    assert!(get(&url("fail=truncate:first:1")).await.bytes().await.is_err());
    assert_eq!(bytes(&url("fail=truncate:first:1")).await, right);
    let wrong = bytes(&url("fail=corrupt:first:1")).await;
    assert_eq!(wrong.iter().zip(&right).filter(|(a, b)| a != b).count(), 1);
    assert_eq!((wrong.len(), bytes(&url("fail=corrupt:first:1")).await), (right.len(), right.clone()));
    assert!(client().get(url("fail=reset")).send().await.is_err());
    let whole = send(Method::GET, &url("ranges=off"), &[("range", "bytes=5-9")]).await;
    assert_eq!((whole.status().as_u16(), header(&whole, "accept-ranges")), (200, String::new()));
    assert_eq!(bytes(&url("fail=slow,drip=40ms")).await, right);
    assert_eq!(get(&url("fail=403:first:1")).await.status(), 403);
    // One file alone.
    let path = format!("/archive/default/{DAY}");
    sandbox.set_profile(&path, "fail=503:first:1".parse().unwrap());
    assert_eq!(get(&format!("{}{path}", sandbox.url())).await.status(), 503);
    assert_eq!(bytes(&format!("{}{path}", sandbox.url())).await, right);
    assert_eq!(get(&format!("{}{}", sandbox.url(), path.replace("01-05", "01-06"))).await.status(), 200);
}
