//! Amazon's catalogue as its Creators API gives it: `POST /catalog/v1/searchItems` and `getBrowseNodes`, with the
//! token endpoint `/auth/o2/token` before them.
//!
//! The forms are those of the Creators API, the Product Advertising API's successor with names in lower camel case:
//! <https://affiliate-program.amazon.com/creatorsapi/docs/en-us/introduction> and
//! <https://webservices.amazon.com/paapi5/documentation/search-items.html>.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::category::{Category, ROOTS};
use super::ebay::money;
use super::product::{MarketProduct, words};
use super::world::MarketWorld;
use super::{Visit, scraper};
use crate::app::Call;
use crate::auth;
use crate::oauth::{CLIENT_ID, CLIENT_SECRET};
use crate::reply::Reply;

/// A page has so many items, and there are so many pages.
const MOST: u64 = 10;

/// Answers what lies under `/amazon/{world}`.
pub(crate) fn answer(call: &Call<'_>, text: &str, parts: &[&str]) -> Result<Reply, Reply> {
    let world: MarketWorld = text.parse().map_err(|problem: String| Reply::bad_request(&problem))?;
    let visit = Visit::new(call, world, parts);
    match (parts, call.method == Method::POST) {
        (["auth", "o2", "token"], true) => token(&visit),
        (["catalog", "v1", "searchItems"], true) => search_items(&visit, &body(&visit)?),
        (["catalog", "v1", "getBrowseNodes"], true) => browse_nodes(&visit, &body(&visit)?),
        (["request"], false) => scraper::request(&visit),
        (["categories"], false) => scraper::categories(&visit),
        _ => Err(refuse(StatusCode::NOT_FOUND, "ResourceNotFound", "There is no such operation.")),
    }
}

fn refuse(status: StatusCode, code: &str, message: &str) -> Reply {
    Reply::json(&json!({ "errors": [{ "code": code, "message": message }] })).status(status)
}

fn invalid(message: &str) -> Reply {
    refuse(StatusCode::BAD_REQUEST, "InvalidParameterValue", message)
}

/// The client stands in the body here, which is JSON or a form.
fn token(visit: &Visit<'_>) -> Result<Reply, Reply> {
    let refuse = |status, error: &str, description: &str| {
        Reply::json(&json!({ "error": error, "error_description": description })).status(status)
    };
    let params = &visit.call.params;
    let text = |name| params.get(name).map(str::to_owned);
    let client = text("client_id").zip(text("client_secret")).or_else(|| auth::basic(visit.call.headers));
    if !client.is_some_and(|(id, secret)| id == CLIENT_ID && secret == CLIENT_SECRET) {
        return Err(refuse(StatusCode::UNAUTHORIZED, "invalid_client", "Client authentication failed"));
    }
    if params.get("grant_type") != Some("client_credentials") {
        let description = "The authorization grant type is not supported by the authorization server";
        return Err(refuse(StatusCode::BAD_REQUEST, "unsupported_grant_type", description));
    }
    Ok(Reply::json(&json!({
        "access_token": visit.call.app.tokens.access(visit.world.expires), "scope": "creatorsapi::default",
        "token_type": "bearer", "expires_in": visit.world.expires,
    })))
}

/// The body of an operation, once it is known who asks and for which marketplace.
fn body(visit: &Visit<'_>) -> Result<Value, Reply> {
    let token = auth::bearer(visit.call.headers).map(|token| token.split(',').next().unwrap_or(token));
    if visit.world.auth && !token.is_some_and(|token| visit.call.app.tokens.spend(token)) {
        let message = "The token is missing, invalid or expired.";
        return Err(refuse(StatusCode::UNAUTHORIZED, "UnauthorizedException", message));
    }
    visit.count().map_err(|()| {
        let message = "The request was denied due to request throttling.";
        refuse(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", message)
    })?;
    if visit.call.headers.get("x-marketplace").is_none() {
        return Err(invalid("The header x-marketplace is missing."));
    }
    let body: Value = serde_json::from_slice(visit.call.body).unwrap_or_default();
    if !body.is_object() {
        return Err(invalid("The body is not a JSON object."));
    }
    match body["partnerTag"].as_str() {
        Some(tag) if !tag.is_empty() => Ok(body),
        _ => Err(invalid("The value [] provided in the request for partnerTag is invalid.")),
    }
}

/// A whole number of a body, from 1 to [`MOST`].
fn number(body: &Value, name: &str, otherwise: u64) -> Result<u64, Reply> {
    match &body[name] {
        Value::Null => Ok(otherwise),
        value => value.as_u64().filter(|number| (1..=MOST).contains(number)).ok_or_else(|| {
            invalid(&format!("The value [{value}] provided in the request for {name} is invalid."))
        }),
    }
}

fn search_items(visit: &Visit<'_>, body: &Value) -> Result<Reply, Reply> {
    let (count, page) = (number(body, "itemCount", MOST)?, number(body, "itemPage", 1)?);
    let keywords: Vec<String> = words(body["keywords"].as_str().unwrap_or_default()).collect();
    let node = body["browseNodeId"].as_str();
    if keywords.is_empty() && node.is_none() {
        return Err(invalid("At least one of keywords and browseNodeId must be provided."));
    }
    let mut all = match node {
        Some(node) => {
            let category = Category::find(node).ok_or_else(|| invalid("The browseNodeId is invalid."))?;
            visit.world.below(category, visit.steps)
        }
        None => {
            (0..ROOTS.len()).flat_map(|root| visit.world.below(Category::Root(root), visit.steps)).collect()
        }
    };
    let bound = |name: &str| body[name].as_u64();
    let (low, high) = (bound("minPrice").unwrap_or(0), bound("maxPrice").unwrap_or(u64::MAX));
    all.retain(|product| {
        let title: Vec<String> = words(&product.title).collect();
        keywords.iter().all(|word| title.contains(word))
            && (low == 0 && high == u64::MAX
                || product.price.is_some_and(|price| (low..=high).contains(&price)))
    });
    match body["sortBy"].as_str() {
        Some("Price:LowToHigh") => all.sort_by_key(|product| product.price.unwrap_or(u64::MAX)),
        Some("Price:HighToLow") => all.sort_by_key(|product| std::cmp::Reverse(product.price)),
        Some("AvgCustomerReviews") => {
            all.sort_by_key(|product| std::cmp::Reverse((product.rating.unwrap_or(0.0) * 10.0) as u64));
        }
        _ => {}
    }
    let from = ((page - 1) * count) as usize;
    let items: Vec<Value> =
        all.iter().skip(from).take(count as usize).map(|product| item(product, node)).collect();
    if items.is_empty() {
        return Err(refuse(StatusCode::NOT_FOUND, "NoResults", "No results found for your request."));
    }
    Ok(Reply::json(&json!({ "searchResult": {
        "items": items, "totalResultCount": all.len(), "searchURL": "https://www.amazon.com/s?k=sandbox",
    }})))
}

/// An item with all resources, whichever were asked for; its rank is that in the list it was taken from.
fn item(product: &MarketProduct, node: Option<&str>) -> Value {
    let amount = |cents: u64| {
        let display = format!("${}", money(cents));
        json!({ "money": { "amount": cents as f64 / 100.0, "currency": "USD", "displayAmount": display } })
    };
    let value = |text: &str, label: &str| json!({ "displayValue": text, "label": label, "locale": "en_US" });
    let listed = node.and_then(Category::find).or_else(|| Category::find(product.category_id));
    let nodes: Vec<Value> = listed
        .map(|category| {
            json!({
                "id": category.id(), "displayName": category.name(), "contextFreeName": category.name(),
                "isRoot": category.parent().is_none(), "salesRank": product.rank,
            })
        })
        .into_iter()
        .collect();
    let image = format!("https://m.media-amazon.com/images/I/{}._SL500_.jpg", product.asin);
    let mut item = json!({
        "asin": product.asin,
        "detailPageURL": format!("https://www.amazon.com/dp/{}?tag=sandbox-20&linkCode=ogi", product.asin),
        "images": { "primary": { "large": { "url": image, "height": 500, "width": 500 } } },
        "itemInfo": {
            "title": value(&product.title, "Title"),
            "byLineInfo": { "brand": value(product.brand, "Brand") },
            "classifications": { "productGroup": value(product.category, "ProductGroup") },
        },
        "browseNodeInfo": { "browseNodes": nodes },
    });
    if let Some(rating) = product.rating {
        item["customerReviews"] = json!({ "count": product.reviews, "starRating": { "value": rating } });
    }
    // What cannot be bought has no offers.
    if let Some(price) = product.price {
        let mut cost = amount(price);
        if let Some(list) = product.list_price {
            cost["savingBasis"] = amount(list);
            cost["savingBasis"]["savingBasisType"] = "LIST_PRICE".into();
            cost["savings"] = amount(list - price.min(list));
        }
        item["offersV2"] = json!({ "listings": [{
            "price": cost, "availability": { "type": "IN_STOCK", "message": "In Stock" },
            "condition": { "value": "New" }, "isBuyBoxWinner": true, "merchantInfo": { "name": "Amazon.com" },
        }]});
    }
    item
}

fn browse_nodes(_visit: &Visit<'_>, body: &Value) -> Result<Reply, Reply> {
    let ids = body["browseNodeIds"].as_array().map(Vec::as_slice).unwrap_or_default();
    let short = |category: Category| json!({ "id": category.id(), "displayName": category.name(), "contextFreeName": category.name() });
    let (mut nodes, mut errors) = (Vec::new(), Vec::new());
    for id in ids.iter().take(MOST as usize).map(|id| id.as_str().unwrap_or_default()) {
        let Some(category) = Category::find(id) else {
            errors.push(
                json!({ "code": "InvalidParameterValue", "message": format!("{id} is not a browse node.") }),
            );
            continue;
        };
        let mut node = short(category);
        node["isRoot"] = category.parent().is_none().into();
        let children: Vec<Value> = category.children().into_iter().map(short).collect();
        if !children.is_empty() {
            node["children"] = children.into();
        }
        if let Some(parent) = category.parent() {
            node["ancestor"] = short(parent);
        }
        nodes.push(node);
    }
    let mut answer = json!({ "browseNodesResult": { "browseNodes": nodes } });
    if !errors.is_empty() {
        answer["errors"] = errors.into();
    }
    Ok(Reply::json(&answer))
}
