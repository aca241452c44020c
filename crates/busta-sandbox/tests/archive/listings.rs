//! Listings, index pages and manifests, in full.

use super::*;

#[tokio::test]
async fn both_listings_give_everything_once() {
    let sandbox = origin().await;
    let name = "markets=spot+um,from=2024-01-01,to=2024-02-03,types=klines,intervals=4h";
    let base = format!("{}/archive/{name}", sandbox.url());
    let world: ArchiveWorld = name.parse().unwrap();
    let wanted = world.paths();
    assert_eq!(wanted.len(), 2 * 2 * (34 + 1) * 2);
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

/// What links of a page lead to, behind `href="`.
fn links(page: &str) -> Vec<String> {
    page.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn index_pages_lead_to_every_file() {
    let sandbox = origin().await;
    let tree = "symbols=1,markets=spot+um,types=klines,to=2024-01-02,periods=daily";
    let wanted = tree.parse::<ArchiveWorld>().unwrap().paths();
    assert_eq!(wanted.len(), 8);
    for style in ["apache", "apache_table", "nginx", "nginx_json", "python"] {
        let base = format!("{}/archive/{tree},index={style}/", sandbox.url());
        let (mut found, mut open) = (Vec::new(), vec![String::new()]);
        while let Some(folder) = open.pop() {
            let page = text(&format!("{base}{folder}")).await;
            let names: Vec<String> = match style {
                "nginx_json" => {
                    let lines: Vec<serde_json::Value> = serde_json::from_str(&page).unwrap();
                    let slash = |line: &serde_json::Value| if line["type"] == "directory" { "/" } else { "" };
                    lines
                        .iter()
                        .map(|line| format!("{}{}", line["name"].as_str().unwrap(), slash(line)))
                        .collect()
                }
                _ => links(&page),
            };
            // Without those that sort, and those that lead upwards.
            let below = names.iter().filter(|name| !name.starts_with(['?', '/', '.']));
            for name in below {
                match name.ends_with('/') {
                    true => open.push(format!("{folder}{name}")),
                    false => found.push(format!("{folder}{name}")),
                }
            }
            let parent = names.iter().find(|name| name.starts_with('/'));
            let above = folder
                .trim_end_matches('/')
                .rsplit_once('/')
                .map_or(String::new(), |(up, _)| format!("{up}/"));
            let above = format!("/archive/{tree},index={style}/{above}");
            assert!(parent.is_none_or(|parent| *parent == above), "{parent:?} is not {above}");
        }
        found.sort_unstable();
        assert_eq!(found, wanted, "{style}");
        let moved = get(&format!("{base}data/spot")).await;
        assert_eq!((moved.status().as_u16(), header(&moved, "location")), (301, format!("{base}data/spot/")));
        assert_eq!(get(&format!("{base}data/moon/")).await.status(), 404);
    }
    let nginx = format!("{}/archive/{tree},index=nginx/data/spot/daily/klines/BTCUSDT/1h/", sandbox.url());
    let (page, name) = (text(&nginx).await, "BTCUSDT-1h-2024-01-02.zip");
    let size = bytes(&format!("{nginx}{name}")).await.len().to_string();
    let line = page.lines().find(|line| line.contains(&format!(">{name}<"))).unwrap();
    assert!(line.ends_with(&format!(" 03-Jan-2024 02:17 {size:>19}")), "{line}");
}

#[tokio::test]
async fn manifests_name_every_file() {
    let sandbox = origin().await;
    let tree = "symbols=1,markets=spot,types=klines,to=2024-01-03,periods=daily";
    let (base, world) = (format!("{}/archive/{tree}", sandbox.url()), tree.parse::<ArchiveWorld>().unwrap());
    let files: Vec<String> = world.paths().into_iter().filter(|path| path.ends_with(".zip")).collect();
    let manifest = async |name: &str| text(&format!("{base}/{name}")).await;
    let lines = |text: String| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(lines(manifest("manifest.txt").await), files);
    let sums: Vec<String> =
        files.iter().map(|path| format!("{}  {path}", world.sha256(path).unwrap())).collect();
    assert_eq!(lines(manifest("manifest.sha256").await), sums);
    let size = world.bytes(&files[0]).unwrap().len();
    let csv = lines(manifest("manifest.csv").await);
    assert_eq!((csv[0].as_str(), csv.len()), ("path,size,sha256", 4));
    assert_eq!(csv[1], format!("{},{size},{}", files[0], world.sha256(&files[0]).unwrap()));
    let one: serde_json::Value = serde_json::from_str(&lines(manifest("manifest.jsonl").await)[0]).unwrap();
    assert_eq!((&one["path"], &one["size"]), (&files[0].as_str().into(), &size.into()));
    let all: serde_json::Value = serde_json::from_str(&manifest("manifest.json").await).unwrap();
    assert_eq!(all.as_array().unwrap().len(), 3);
    for url in lines(manifest("urls.txt").await) {
        assert_eq!(bytes(&url).await[..2], *b"PK");
    }
}
