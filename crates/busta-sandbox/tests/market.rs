//! The market's two sides through HTTP: searches find what the filters say, lists are ranked, errors have their numbers.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "a test may fail so")]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use busta_sandbox::{API_KEY, CLIENT_ID, CLIENT_SECRET, MarketListing, MarketWorld, Sandbox, SandboxConfig};
use common::{client, start};
use reqwest::{Response, Url};
use serde_json::{Value, json};

/// Both sides of a market, with a token.
struct Market {
    sandbox: Sandbox,
    name: String,
    world: MarketWorld,
    token: String,
}

impl Market {
    async fn new(name: &str) -> Self {
        let sandbox = start(SandboxConfig::default()).await;
        let url = format!("{}/ebay/{name}/identity/v1/oauth2/token", sandbox.url());
        let form = [("grant_type", "client_credentials"), ("scope", "https://api.ebay.com/oauth/api_scope")];
        let request = client().post(url).form(&form).basic_auth(CLIENT_ID, Some(CLIENT_SECRET));
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["token_type"], "Application Access Token");
        let token = answer["access_token"].as_str().unwrap().to_owned();
        Self { sandbox, name: name.to_owned(), world: name.parse().unwrap(), token }
    }

    async fn search(&self, query: &[(&str, &str)]) -> Response {
        self.search_in("EBAY_US", query).await
    }

    async fn search_in(&self, marketplace: &str, query: &[(&str, &str)]) -> Response {
        let base = format!("{}/ebay/{}/buy/browse/v1/item_summary/search", self.sandbox.url(), self.name);
        let request = client().get(Url::parse_with_params(&base, query).unwrap()).bearer_auth(&self.token);
        request.header("X-EBAY-C-MARKETPLACE-ID", marketplace).send().await.unwrap()
    }

    async fn page(&self, query: &[(&str, &str)]) -> Value {
        let answer = self.search(query).await;
        assert_eq!(answer.status(), 200, "{query:?}");
        answer.json().await.unwrap()
    }

    /// All items that a search finds, by following `next`, and its total.
    async fn walk(&self, query: &[(&str, &str)]) -> (Vec<Value>, u64) {
        let mut page = self.page(query).await;
        let mut all = Vec::new();
        loop {
            all.extend(page["itemSummaries"].as_array().cloned().unwrap_or_default());
            let Some(next) = page["next"].as_str() else { return (all, page["total"].as_u64().unwrap()) };
            let request =
                client().get(next).bearer_auth(&self.token).header("X-EBAY-C-MARKETPLACE-ID", "EBAY_US");
            page = request.send().await.unwrap().json().await.unwrap();
        }
    }

    async fn error(&self, query: &[(&str, &str)]) -> (u16, Value) {
        let answer = self.search(query).await;
        let status = answer.status().as_u16();
        (status, answer.json::<Value>().await.unwrap()["errors"][0]["errorId"].clone())
    }

    async fn scrape(&self, query: &str) -> Value {
        let url = format!("{}/amazon/{}/{query}&api_key={API_KEY}", self.sandbox.url(), self.name);
        let answer = client().get(url).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{query}");
        answer.json().await.unwrap()
    }

    async fn catalog(&self, operation: &str, body: Value) -> Response {
        let url = format!("{}/amazon/{}/catalog/v1/{operation}", self.sandbox.url(), self.name);
        let request = client().post(url).json(&body).header("x-marketplace", "www.amazon.com");
        request.bearer_auth(&self.token).send().await.unwrap()
    }
}

fn ids(items: &[Value]) -> BTreeSet<String> {
    items.iter().map(|item| item["itemId"].as_str().unwrap().to_owned()).collect()
}

fn words(text: &str) -> Vec<String> {
    let parts = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    parts.map(str::to_lowercase).collect()
}

#[tokio::test]
async fn a_search_finds_what_its_filters_say() {
    let market = Market::new("products=20,listings=40").await;
    let world = &market.world;
    let all: Vec<MarketListing> =
        (0..world.product_count()).flat_map(|product| world.listings_of(product, 0)).collect();
    let mut hits = 0;
    for number in [0, 7, 33, 150, 279] {
        let product = world.product(number, 0).unwrap();
        let price = product.price.unwrap_or(5000) as f64 / 100.0;
        let (low, high) = (format!("{:.2}", price * 0.8), format!("{:.2}", price * 1.2));
        let filter = format!(
            "price:[{low}..{high}],priceCurrency:USD,conditions:{{NEW}},maxDeliveryCost:0,itemLocationCountry:US"
        );
        let q = words(&product.title).into_iter().take(4).collect::<Vec<_>>().join(" ");
        let query = [("q", q.as_str()), ("filter", filter.as_str()), ("limit", "10")];
        let (found, total) = market.walk(&query).await;
        let cents = |text: &str| (text.parse::<f64>().unwrap() * 100.0).round() as u64;
        let wanted: BTreeSet<String> = all
            .iter()
            .filter(|listing| {
                let title = words(&listing.title);
                words(&q).iter().all(|word| title.contains(word))
                    && (cents(&low)..=cents(&high)).contains(&listing.price)
                    && listing.condition == "New"
                    && listing.shipping == Some(0)
                    && listing.country == "US"
                    && !listing.auction
                    && listing.marketplace == "EBAY_US"
            })
            .map(|listing| listing.item_id.clone())
            .collect();
        assert_eq!((found.len(), total as usize), (wanted.len(), wanted.len()), "each comes once");
        assert_eq!(ids(&found), wanted);
        let truth = world.search("EBAY_US", &query, 0).into_iter().map(|listing| listing.item_id);
        assert_eq!(truth.collect::<BTreeSet<_>>(), wanted);
        hits += wanted.len();
    }
    assert!(hits > 10, "{hits}");
}

#[tokio::test]
async fn sellers_come_under_many_names() {
    let market = Market::new("products=10,listings=60,sellers=30").await;
    let (found, _) = market.walk(&[("category_ids", "112529"), ("limit", "200")]).await;
    let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for item in &found {
        let name = item["seller"]["username"].as_str().unwrap();
        names.entry(words(name).concat()).or_default().insert(name.to_owned());
    }
    let keys: BTreeSet<String> = (0..30).map(|number| market.world.seller_key(number)).collect();
    assert!(names.keys().all(|key| keys.contains(key)));
    assert!(names.len() > 20 && names.values().filter(|spellings| spellings.len() > 2).count() > 10);
    let item = &found[0];
    assert_eq!(item["itemId"], format!("v1|{}|0", item["legacyItemId"].as_str().unwrap()));
    assert!(item["price"]["value"].is_string() && item["seller"]["feedbackPercentage"].is_string());
}

#[tokio::test]
async fn order_and_pages_are_as_asked() {
    let market = Market::new("products=30,listings=20").await;
    let (found, total) = market.walk(&[("category_ids", "9355"), ("sort", "price"), ("limit", "50")]).await;
    assert!(total > 200 && found.len() as u64 == total);
    let cost = |item: &Value| {
        let number = |value: &Value| value["value"].as_str().map_or(0.0, |text| text.parse::<f64>().unwrap());
        number(&item["price"]) + number(&item["shippingOptions"][0]["shippingCost"])
    };
    assert!(found.windows(2).all(|pair| cost(&pair[0]) <= cost(&pair[1]) + 1e-9));
    let nothing = market.page(&[("q", "zeppelin")]).await;
    assert_eq!((&nothing["total"], nothing.get("itemSummaries")), (&json!(0), None));
    let british: Value = market.search_in("EBAY_GB", &[("category_ids", "9355")]).await.json().await.unwrap();
    assert_eq!(british["itemSummaries"][0]["price"]["currency"], "GBP");
}

#[tokio::test]
async fn ten_thousand_is_the_end() {
    let market = Market::new("products=200,listings=70").await;
    let (found, total) = market.walk(&[("category_ids", "112529"), ("limit", "200")]).await;
    assert!(total > 10_000);
    assert_eq!((found.len(), ids(&found).len()), (10_000, 10_000));
    assert_eq!(market.error(&[("category_ids", "112529"), ("offset", "10000")]).await, (400, json!(12_029)));
}

#[tokio::test]
async fn mistakes_have_their_numbers() {
    let market = Market::new("products=5").await;
    for (query, id) in [
        (vec![], 12_001),
        (vec![("category_ids", "1")], 12_001),
        (vec![("q", "usb"), ("limit", "201")], 12_006),
        (vec![("q", "usb"), ("limit", "many")], 12_007),
        (vec![("q", "usb"), ("offset", "-1")], 12_004),
        (vec![("q", "usb"), ("limit", "20"), ("offset", "30")], 12_515),
    ] {
        assert_eq!(market.error(&query).await, (400, json!(id)), "{query:?}");
    }
    let page = market.page(&[("q", "usb"), ("filter", "price:[1..2]"), ("sort", "colour")]).await;
    let warned: Vec<&Value> =
        page["warnings"].as_array().unwrap().iter().map(|warning| &warning["errorId"]).collect();
    assert_eq!(warned, [12_012, 12_008]);
    let nowhere: Value = market.search_in("EBAY_MARS", &[("q", "usb")]).await.json().await.unwrap();
    assert_eq!(nowhere["errors"][0]["errorId"], 12_019);
    let wrong = Market { token: "wrong".to_owned(), ..market };
    assert_eq!(wrong.error(&[("q", "usb")]).await, (401, json!(1001)));
}

#[tokio::test]
async fn calls_run_out() {
    let market = Market::new("products=5,calls=2").await;
    market.page(&[("q", "usb")]).await;
    market.page(&[("q", "usb")]).await;
    assert_eq!(market.error(&[("q", "usb")]).await, (429, json!(2001)));
    // Amazon's calls are counted on their own.
    assert_eq!(market.scrape("categories?").await["request_info"]["credits_remaining"], 1);
}

#[tokio::test]
async fn best_sellers_are_a_hundred_on_two_pages() {
    let market = Market::new("products=80").await;
    for category in ["bestsellers_electronics", "172541"] {
        let truth = market.world.bestsellers(category, 0);
        assert_eq!(truth.len(), if category == "172541" { 80 } else { 100 });
        let mut found = Vec::new();
        for page in 1..=3 {
            let query = format!("request?type=bestsellers&category_id={category}&page={page}");
            let answer = market.scrape(&query).await;
            assert_eq!(answer["pagination"]["has_next_page"], page < 2, "{answer}");
            found.extend(answer["bestsellers"].as_array().unwrap().clone());
        }
        assert_eq!(found.len(), truth.len());
        for (found, truth) in found.iter().zip(&truth) {
            assert_eq!((&found["asin"], &found["rank"]), (&json!(truth.asin), &json!(truth.rank)));
            assert_eq!(found["price"]["value"].as_f64(), truth.price.map(|cents| cents as f64 / 100.0));
            assert_eq!(found["rating"].as_f64(), truth.rating);
        }
    }
    market.sandbox.advance_market(1);
    let later = market.scrape("request?type=bestsellers&category_id=172541&page=1").await;
    assert_eq!(later["bestsellers"][0]["asin"], market.world.bestsellers("172541", 1)[0].asin);
}

#[tokio::test]
async fn the_tree_leads_to_all_products() {
    let market = Market::new("products=30").await;
    let roots = market.scrape("categories?type=bestsellers").await;
    let mut asins = BTreeSet::new();
    for root in roots["categories"].as_array().unwrap() {
        let below = format!("categories?parent_id={}", root["id"].as_str().unwrap());
        for leaf in market.scrape(&below).await["categories"].as_array().unwrap() {
            assert_eq!((&leaf["has_children"], &leaf["parent_name"]), (&json!(false), &root["name"]));
            let id = leaf["id"].as_str().unwrap();
            for page in 1..=2 {
                let answer =
                    market.scrape(&format!("request?type=category&category_id={id}&page={page}")).await;
                for item in answer["category_results"].as_array().unwrap() {
                    asins.insert(item["asin"].as_str().unwrap().to_owned());
                }
            }
        }
    }
    assert_eq!(asins.len() as u64, market.world.product_count());
    let url = format!("{}/amazon/default/request?type=bestsellers&category_id=172541", market.sandbox.url());
    assert_eq!(client().get(url).send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn the_catalogue_is_searched_by_words_and_nodes() {
    let market = Market::new("products=30").await;
    let body = |page: u64| json!({"browseNodeId": "172541", "itemPage": page, "itemCount": 10, "partnerTag": "t-20"});
    let mut found = Vec::new();
    for page in 1..=3 {
        let answer: Value = market.catalog("searchItems", body(page)).await.json().await.unwrap();
        assert_eq!(answer["searchResult"]["totalResultCount"], 30);
        found.extend(answer["searchResult"]["items"].as_array().unwrap().clone());
    }
    let truth = market.world.bestsellers("172541", 0);
    for (item, truth) in found.iter().zip(&truth) {
        assert_eq!(item["asin"], truth.asin);
        assert_eq!(item["itemInfo"]["title"]["displayValue"], truth.title);
        assert_eq!(item["browseNodeInfo"]["browseNodes"][0]["salesRank"], truth.rank);
        let offer = &item["offersV2"]["listings"][0]["price"];
        assert_eq!(offer["money"]["amount"].as_f64(), truth.price.map(|cents| cents as f64 / 100.0));
        assert_eq!(offer["savingBasis"]["money"].is_object(), truth.list_price.is_some());
    }
    let behind = market.catalog("searchItems", body(4)).await;
    assert_eq!(behind.status(), 404);
    assert_eq!(behind.json::<Value>().await.unwrap()["errors"][0]["code"], "NoResults");
    assert_eq!(market.catalog("searchItems", json!({"keywords": "usb"})).await.status(), 400);
    let nodes = json!({"browseNodeIds": ["172282", "7"], "partnerTag": "t-20"});
    let nodes: Value = market.catalog("getBrowseNodes", nodes).await.json().await.unwrap();
    assert_eq!(nodes["browseNodesResult"]["browseNodes"][0]["children"].as_array().unwrap().len(), 3);
    assert_eq!(nodes["errors"].as_array().unwrap().len(), 1);
}
