//! The manifests that come with busta: what they make of sections, and that `type: api` takes it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use busta_core::clock::SystemClock;
use busta_core::meter::NoMeter;
use serde_json::{Value, json};

use super::*;
use crate::formats::yaml::parse as yaml;

fn context() -> SourceContext {
    SourceContext {
        name: "mine".into(),
        base_dir: PathBuf::new(),
        meter: Arc::new(NoMeter),
        clock: Arc::new(SystemClock),
        request_timeout: Duration::from_secs(30),
        readers: 5,
    }
}

/// The assembly of a section with its `type`, as a source `mine` without transforms.
fn assembled(section: &str) -> Result<Assembly, String> {
    with_transforms(section, json!([]))
}

fn with_transforms(section: &str, transforms: Value) -> Result<Assembly, String> {
    let Value::Object(mut keys) = yaml(section).unwrap().0.unwrap().to_json() else { panic!("no mapping") };
    keys.remove("name");
    let kind = keys.remove("type").unwrap();
    let library = Library::shipped();
    let manifest = library.find(kind.as_str().unwrap()).unwrap();
    let Value::Object(about) = json!({ "name": "mine", "transforms": transforms }) else { panic!() };
    let told = |blamed: &Blamed| match blamed {
        Blamed::User(problem) => problem.to_string(),
        Blamed::Manifest(manifest, problem) => format!("[{}] {problem}", manifest.name()),
    };
    let lines = |problems: Vec<Blamed>| problems.iter().map(told).collect::<Vec<_>>().join("\n");
    let made = assemble(library, manifest, Section { keys, about }).map_err(lines)?;
    let built = build(made.keys.clone(), context());
    built.map_err(|problems| lines(problems.into_iter().map(|problem| made.blame(problem)).collect()))?;
    Ok(made)
}

/// The keys of a section that is right.
fn keys(section: &str) -> Value {
    assembled(section).unwrap().keys
}

#[test]
fn every_manifest_and_its_example_are_right() {
    assert_eq!(Library::shipped().iter().count(), MANIFESTS.len());
    for text in MANIFESTS {
        parse(text).unwrap().check_programs().unwrap();
    }
    for manifest in Library::shipped().iter() {
        let made = assembled(manifest.example());
        made.unwrap_or_else(|why| panic!("{}: {why}", manifest.name()));
    }
}

const REDDIT: &str = "type: reddit
subreddits: [rust, programming]
user_agent: { app: com.example.trends, username: someone }
";

#[test]
fn reddit_reads_the_newest_posts() {
    let section =
        format!("{REDDIT}auth: {{ client_id: id, client_secret: secret }}\ncomments: true\nmax_posts: 50\n");
    insta::assert_json_snapshot!("reddit", keys(&section));
}

#[test]
fn reddit_reads_other_listings_beside_them() {
    let section = format!(
        "{REDDIT}auth: {{ client_id: id, client_secret: secret }}\ncomments: true\nlistings: [top, new, hot]\nt: week\nmore: 0\nabout: false\n"
    );
    let keys = keys(&section);
    let streams = keys["streams"].as_array().unwrap();
    let named: Vec<_> = streams.iter().map(|s| (s["name"].as_str().unwrap(), s["table"].as_str())).collect();
    let expected = [
        ("posts", None),
        ("ranked_posts", Some("posts")),
        ("comments", None),
        ("ranked_comments", Some("comments")),
    ];
    assert_eq!(named, expected);
    assert_eq!(streams[0]["for_each"]["listing"], json!(["new"]));
    assert_eq!(streams[1]["for_each"]["listing"], json!(["top", "hot"]));
    assert_eq!(streams[1]["params"]["t"], "week");
    assert_eq!(streams[1]["cursor"], json!({ "field": "created_utc" }));
    assert_eq!(streams[3]["path"], "/comments/{ranked_posts.id}");
    assert_eq!(streams[2]["follow"], json!([]));
    let keys = self::keys(&format!(
        "{REDDIT}auth: {{ client_id: id, client_secret: secret }}\nlistings: [hot]\nabout: false\n"
    ));
    assert_eq!(keys["streams"].as_array().unwrap().len(), 1);
    assert_eq!(keys["streams"][0]["name"], "posts");
}

#[test]
fn reddit_logs_in_by_what_it_is_given() {
    let auth = |auth: &str| keys(&format!("{REDDIT}auth: {auth}\n"))["auth"].clone();
    let script = auth("{ client_id: id, client_secret: s, username: me, password: p }");
    assert_eq!((&script["grant"], &script["username"]), (&json!("password"), &json!("me")));
    assert_eq!(auth("{ client_id: id, client_secret: s }")["grant"], "client_credentials");
    let installed = auth("{ client_id: id }");
    assert_eq!(installed["grant"], "https://oauth.reddit.com/grants/installed_client");
    assert_eq!(installed["params"]["device_id"], "DO_NOT_TRACK_THIS_DEVICE");
    assert_eq!(installed["client_secret"], "");
    assert_eq!(installed["token_url"], "https://www.reddit.com/api/v1/access_token");
    let elsewhere =
        keys(&format!("{REDDIT}auth: {{ client_id: id }}\nbase_url: http://127.0.0.1:9/reddit/default/\n"));
    assert_eq!(elsewhere["auth"]["token_url"], "http://127.0.0.1:9/reddit/default/api/v1/access_token");
}

#[test]
fn reddit_says_who_asks() {
    let agent = |section: &str| assembled(section).map(|made| made.keys["headers"]["User-Agent"].clone());
    let auth = "auth: { client_id: id, client_secret: s, username: me, password: p }";
    let own = format!(
        "type: reddit\nsubreddits: [rust]\n{auth}\nuser_agent: {{ app: org.example.x, version: v2 }}\n"
    );
    assert_eq!(agent(&own).unwrap(), "linux:org.example.x:v2 (by /u/me)");
    let none = agent("type: reddit\nsubreddits: [r]\nauth: { client_id: id }\n").unwrap_err();
    insta::assert_snapshot!("reddit_without_agent", none);
    let nobody = agent(
        "type: reddit\nsubreddits: [rust]\nauth: { client_id: id }\nuser_agent: { app: org.example.x }\n",
    );
    assert!(nobody.unwrap_err().contains("user_agent. missing key `username`"));
}

#[test]
fn reddit_has_a_view_with_sentiment_where_there_is_the_transform() {
    let section = format!("{REDDIT}auth: {{ client_id: id }}\ntables: {{ posts: submissions }}\n");
    let view = |transforms: Value| {
        with_transforms(&section, transforms).unwrap().datasets["submissions"]["view"].clone()
    };
    assert!(view(json!([{ "drop": ["url"] }])).get("sentiment").is_none());
    assert_eq!(view(json!([{ "sentiment": { "fields": ["title"] } }]))["sentiment"], "sentiment");
    assert_eq!(view(json!([{ "sentiment": { "fields": ["title"], "into": "mood" } }]))["sentiment"], "mood");
}

const EBAY: &str = "type: ebay\nauth: { client_id: id, client_secret: secret }\n";

#[test]
fn ebay_searches_with_filters() {
    let section = format!(
        "{EBAY}queries: [espresso machine]\ncategories: [20676]\nprice: [50, 99.5]\nconditions: [NEW, USED]\nfree_shipping: true\ncountry: US\nsellers: [a, b]\nsort: -price\nmax_listings: 50\n"
    );
    insta::assert_json_snapshot!("ebay", keys(&section));
    let bound = keys(&format!("{EBAY}categories: [1]\nprice: ['', 5]\nfilter: 'charityOnly:true'\n"));
    assert_eq!(bound["streams"][0]["params"]["filter"], "price:[..5],priceCurrency:USD,charityOnly:true");
    assert_eq!(bound["streams"][0]["params"]["category_ids"], "1");
    assert!(bound["streams"][0].get("for_each").is_none());
}

#[test]
fn ebay_wants_to_know_what_to_search_for() {
    let wrong = |more: &str| assembled(&format!("{EBAY}{more}")).unwrap_err();
    assert!(wrong("").contains("missing key `queries`"));
    assert!(wrong("queries: [a]\nquery: b\n").contains("query. give `queries` or `query`"));
    assert!(wrong("queries: [a]\nprice: [1]\n").contains("price. it has 1 elements, expected at least 2"));
}

#[test]
fn amazon_reads_lists_by_an_api_for_scraping() {
    let section = "type: amazon\npreset: electronics\nauth: { api_key: k }\nbase_url: http://x\n";
    insta::assert_json_snapshot!("amazon_scraper", keys(section));
    let ids = |more: &str| {
        let section = format!("type: amazon\nauth: {{ api_key: k }}\n{more}\n");
        keys(&section)["streams"][0]["for_each"]["category"].clone()
    };
    assert_eq!(
        ids("categories: [electronics, coffee]"),
        json!(["bestsellers_electronics", "bestsellers_289913"])
    );
    assert_eq!(ids("categories: [electronics, 172282, 99]\nlist: category"), json!(["172282", "99"]));
    assert_eq!(ids("tree: { mine: { id: 5 } }\ncategories: [mine]"), json!(["bestsellers_5"]));
    let search = keys("type: amazon\nauth: { api_key: k }\nqueries: [kettle]\n");
    assert_eq!(search["streams"][0]["params"]["search_term"], "{query}");
    assert_eq!(search["streams"][0]["params"].get("category_id"), None);
    keys(
        "type: amazon\nstyle: creators\npartner_tag: x-20\nauth: { client_id: a, client_secret: b }\nqueries: [kettle]\n",
    );
}

#[test]
fn amazon_reads_categories_by_the_creators_api() {
    let section = "type: amazon\nstyle: creators\npartner_tag: x-20\nauth: { client_id: a, client_secret: b }\ncategories: [headphones]\n";
    insta::assert_json_snapshot!("amazon_creators", keys(section));
}

#[test]
fn amazon_says_what_it_needs() {
    let wrong = |more: &str| assembled(&format!("type: amazon\n{more}")).unwrap_err();
    assert!(wrong("auth: { api_key: k }\n").contains("what to read is missing"));
    assert!(wrong("preset: toys\n").contains("missing key `auth.api_key`"));
    assert!(
        wrong("categories: [toys, tyos]\nauth: { api_key: k }\n")
            .contains("categories. there is no category `tyos` in the tree")
    );
    assert!(wrong("style: creators\nauth: { api_key: k }\npreset: toys\n").contains("Creators API needs"));
}

#[test]
fn each_product_of_amazon_searches_ebay() {
    let section = "type: amazon
preset: home
auth: { api_key: k }
then:
  - type: ebay
    of: products
    auth: { client_id: id, client_secret: secret }
    with: { query: .title, low: .price * 0.8, high: .price * 1.2 }
    include: { product_id: products.asin, product_title: products.title }
    query: '{with.query} new'
    price: ['{with.low}', '{with.high}']
    conditions: [NEW]
    max_listings: 100
";
    let made = assembled(section).unwrap();
    insta::assert_json_snapshot!("marketplace", made.keys["streams"].as_array().unwrap()[1..].to_vec());
    let phases: Vec<_> =
        made.keys["streams"].as_array().unwrap().iter().map(|stream| stream["phase"].clone()).collect();
    assert_eq!(phases, ["amazon", "ebay", "ebay"]);
    assert_eq!(made.datasets["sellers"]["keep"], "first");
    let wrong = assembled(&section.replace("of: products", "of: product").replace("[NEW]", "[NEU]"));
    assert_eq!(
        wrong.unwrap_err(),
        "then.0.conditions.0. unknown variant `NEU`, expected one of `NEW`, `USED`, `UNSPECIFIED`"
    );
    let wrong = assembled(&section.replace("{with.low}", "{with.lowest}")).unwrap_err();
    assert!(wrong.starts_with("then.0.price. "), "{wrong}");
}
