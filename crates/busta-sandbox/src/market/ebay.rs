//! eBay's Browse API: `GET /buy/browse/v1/item_summary/search`, and the token endpoint before it.
//!
//! Forms, limits and the numbers of errors follow
//! <https://developer.ebay.com/api-docs/buy/browse/resources/item_summary/methods/search> and
//! <https://developer.ebay.com/api-docs/static/oauth-client-credentials-grant.html>.

use std::cmp::Reverse;

use chrono::{DateTime, SecondsFormat};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::Visit;
use super::category::LEAVES;
use super::filter::{Filters, warning};
use super::listing::MarketListing;
use super::product::words;
use super::world::MarketWorld;
use crate::app::Call;
use crate::auth;
use crate::oauth::{CLIENT_ID, CLIENT_SECRET};
use crate::reply::Reply;

const DEFAULT_LIMIT: u64 = 50;
const MAX_LIMIT: u64 = 200;
/// Nothing behind this can be had, however much there is.
const WINDOW: u64 = 10_000;
/// Marketplaces with their currencies.
const MARKETPLACES: [(&str, &str); 8] = [
    ("EBAY_US", "USD"),
    ("EBAY_GB", "GBP"),
    ("EBAY_DE", "EUR"),
    ("EBAY_FR", "EUR"),
    ("EBAY_IT", "EUR"),
    ("EBAY_ES", "EUR"),
    ("EBAY_AU", "AUD"),
    ("EBAY_CA", "CAD"),
];
const SORTS: [&str; 5] = ["price", "-price", "newlyListed", "endingSoonest", "distance"];

/// A search as its parameters say.
struct Search<'a> {
    words: Vec<String>,
    /// eBay's numbers of categories; none means all.
    categories: Vec<&'a str>,
    filters: Filters,
    sort: Option<&'a str>,
    marketplace: &'a str,
    warnings: Vec<Value>,
}

/// Answers what lies under `/ebay/{world}`.
pub(crate) fn answer(call: &Call<'_>, text: &str, parts: &[&str]) -> Result<Reply, Reply> {
    let world: MarketWorld = text.parse().map_err(|problem: String| Reply::bad_request(&problem))?;
    match (parts, call.method == Method::POST) {
        (["identity", "v1", "oauth2", "token"], true) => token(&world, call),
        (["buy", "browse", "v1", "item_summary", "search"], false) => {
            check_token(&world, call)?;
            let visit = Visit::new(call, world, parts);
            visit.count().map_err(|()| exhausted())?;
            search(&visit)
        }
        _ => Err(refuse(StatusCode::NOT_FOUND, 2002, "Resource not found")),
    }
}

fn token(world: &MarketWorld, call: &Call<'_>) -> Result<Reply, Reply> {
    let refuse = |status, error: &str, description: &str| {
        Reply::json(&json!({ "error": error, "error_description": description })).status(status)
    };
    match auth::basic(call.headers) {
        Some((id, secret)) if id == CLIENT_ID && secret == CLIENT_SECRET => {}
        _ => return Err(refuse(StatusCode::UNAUTHORIZED, "invalid_client", "client authentication failed")),
    }
    if call.params.get("grant_type") != Some("client_credentials") {
        let description = "grant type in request is not supported by the authorization server";
        return Err(refuse(StatusCode::BAD_REQUEST, "unsupported_grant_type", description));
    }
    let scope = call.params.get("scope").unwrap_or("https://api.ebay.com/oauth/api_scope");
    if !scope.split(' ').all(|scope| scope.starts_with("https://api.ebay.com/oauth/api_scope")) {
        let description =
            "The requested scope is invalid, unknown, malformed, or exceeds the scope granted to the client";
        return Err(refuse(StatusCode::BAD_REQUEST, "invalid_scope", description));
    }
    Ok(Reply::json(&json!({
        "access_token": call.app.tokens.access(world.expires), "expires_in": world.expires,
        "token_type": "Application Access Token",
    })))
}

/// `{"errors": [...]}`.
fn refuse(status: StatusCode, id: u64, message: &str) -> Reply {
    let domain = match id {
        1000..=1999 => "OAuth",
        2000..=2999 => "ACCESS",
        _ => "API_BROWSE",
    };
    let error = json!({ "errorId": id, "domain": domain, "category": "REQUEST", "message": message });
    Reply::json(&json!({ "errors": [error] })).status(status)
}

fn bad(id: u64, message: &str) -> Reply {
    refuse(StatusCode::BAD_REQUEST, id, message)
}

fn exhausted() -> Reply {
    refuse(StatusCode::TOO_MANY_REQUESTS, 2001, "Too many requests.")
}

fn check_token(world: &MarketWorld, call: &Call<'_>) -> Result<(), Reply> {
    let token = auth::bearer(call.headers);
    match token {
        _ if !world.auth => Ok(()),
        Some(token) if call.app.tokens.spend(token) => Ok(()),
        Some(_) => Err(refuse(StatusCode::UNAUTHORIZED, 1001, "Invalid access token")),
        None => Err(refuse(StatusCode::UNAUTHORIZED, 1002, "Missing access token")),
    }
}

fn search(visit: &Visit<'_>) -> Result<Reply, Reply> {
    let header = visit.call.headers.get("x-ebay-c-marketplace-id").and_then(|value| value.to_str().ok());
    let query = visit.call.params.all();
    let search = Search::read(&query, header.unwrap_or("EBAY_US"))?;
    let (limit, offset) = window(visit)?;
    let found = visit.found(&search.key(), |tokens| search.run(&visit.world, tokens, visit.steps));
    let total = found.len() as u64;
    let page: Vec<Value> = found
        .iter()
        .skip(offset as usize)
        .take(limit.min(WINDOW - offset) as usize)
        .map(|listing| item(listing, &visit.call.url()))
        .collect();
    let link = |offset: u64| {
        let others = query.iter().filter(|(name, _)| !matches!(*name, "limit" | "offset"));
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(others).append_pair("limit", &limit.to_string());
        format!("{}?{}", visit.call.url(), query.append_pair("offset", &offset.to_string()).finish())
    };
    let mut body = json!({ "href": link(offset), "total": total, "limit": limit, "offset": offset });
    if offset + limit < total.min(WINDOW) {
        body["next"] = link(offset + limit).into();
    }
    if offset > 0 {
        body["prev"] = link(offset.saturating_sub(limit)).into();
    }
    // What found nothing has no list at all.
    if !page.is_empty() {
        body["itemSummaries"] = page.into();
    }
    if !search.warnings.is_empty() {
        body["warnings"] = search.warnings.into();
    }
    Ok(Reply::json(&body))
}

/// `limit` and `offset`.
fn window(visit: &Visit<'_>) -> Result<(u64, u64), Reply> {
    let number = |name: &str, id, otherwise| match visit.call.params.get(name) {
        Some(text) => {
            text.parse::<i64>().map_err(|_| bad(id, &format!("The '{name}' value must be an integer.")))
        }
        None => Ok(otherwise),
    };
    let limit = number("limit", 12007, DEFAULT_LIMIT as i64)?;
    let offset = number("offset", 12005, 0)?;
    let limit = u64::try_from(limit).ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    let limit =
        limit.ok_or_else(|| bad(12006, "The 'limit' value should be between 1 and 200 (inclusive)."))?;
    let offset = u64::try_from(offset).map_err(|_| bad(12004, "The 'offset' value cannot be negative."))?;
    if offset >= WINDOW {
        return Err(bad(
            12029,
            "The maximum number of items that can be retrieved is 10,000, so your offset value must be less than \
             10,000. If 10,000 or more items are matching your search criteria, consider narrowing the scope of your \
             search.",
        ));
    }
    if !offset.is_multiple_of(limit) {
        return Err(bad(12515, "The 'offset' value must be either zero or a multiple of the 'limit' value."));
    }
    Ok((limit, offset))
}

impl<'a> Search<'a> {
    fn read(query: &[(&'a str, &'a str)], marketplace: &'a str) -> Result<Self, Reply> {
        let get = |name| query.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        let Some((_, currency)) = MARKETPLACES.iter().find(|(id, _)| *id == marketplace) else {
            let all: Vec<&str> = MARKETPLACES.iter().map(|(id, _)| *id).collect();
            let message = format!(
                "Currently, the {marketplace} marketplace is not supported. The supported Marketplaces are: {} .",
                all.join(", ")
            );
            return Err(bad(12019, &message));
        };
        let words: Vec<String> = words(get("q").unwrap_or_default()).collect();
        let (filters, mut warnings) = Filters::read(get("filter").unwrap_or_default(), currency);
        let asked = get("category_ids").unwrap_or_default().split(',').filter(|id| !id.is_empty());
        let (categories, unknown): (Vec<&str>, Vec<&str>) =
            asked.partition(|id| LEAVES.iter().any(|leaf| leaf.ebay == *id));
        if !unknown.is_empty() {
            warnings.push(warning(12009, "The 'category_ids' query parameter is invalid."));
        }
        if words.is_empty() && categories.is_empty() {
            let message = "The call must have a valid 'q', 'category_ids', 'charity_ids', 'epid' or 'gtin' query parameter.";
            return Err(bad(12001, message));
        }
        let sort = get("sort").filter(|sort| SORTS.contains(sort));
        if get("sort") != sort {
            let message =
                "The 'sort' value is invalid. For the valid values, refer to the API call documentation.";
            warnings.push(warning(12008, message));
        }
        Ok(Self { words, categories, filters, sort, marketplace, warnings })
    }

    /// What tells it apart from other searches of the same market.
    fn key(&self) -> String {
        format!(
            "{} {:?} {:?} {:?} {:?}",
            self.marketplace, self.words, self.categories, self.filters, self.sort
        )
    }

    /// What is found, in its order.
    fn run(&self, world: &MarketWorld, tokens: &[Vec<String>], steps: u64) -> Vec<MarketListing> {
        let praised: Vec<String> = words("new free shipping fast ship sealed us seller").collect();
        let may = |known: &Vec<String>| {
            self.words.iter().all(|word| known.contains(word) || praised.contains(word))
        };
        let mut found = Vec::new();
        let here = |number: u64| {
            let leaf = (number / world.products.max(1)) as usize;
            self.categories.is_empty()
                || LEAVES.get(leaf).is_some_and(|leaf| self.categories.contains(&leaf.ebay))
        };
        for (number, _) in (0..).zip(tokens).filter(|(number, known)| here(*number) && may(known)) {
            let listings = world.listings_of(number, steps);
            found.extend(listings.into_iter().filter(|listing| self.fits(listing)));
        }
        match self.sort {
            Some("price") => found.sort_by_key(|listing| listing.price + listing.shipping.unwrap_or(0)),
            Some("-price") => {
                found.sort_by_key(|listing| Reverse(listing.price + listing.shipping.unwrap_or(0)))
            }
            Some("newlyListed") => found.sort_by_key(|listing| Reverse(listing.created)),
            _ => {}
        }
        found
    }

    fn fits(&self, listing: &MarketListing) -> bool {
        listing.marketplace == self.marketplace
            && (self.categories.is_empty() || self.categories.contains(&listing.category_id))
            && self.filters.fits(listing)
            && (self.words.is_empty() || self.named(&listing.title))
    }
}

impl Search<'_> {
    /// Whether all words stand in a title.
    fn named(&self, title: &str) -> bool {
        let title: Vec<String> = words(title).collect();
        self.words.iter().all(|word| title.contains(word))
    }
}

impl MarketWorld {
    /// What a search by these parameters (`q`, `category_ids`, `filter`, `sort`) finds in a marketplace after so
    /// many steps, all of it; nothing if it is refused.
    pub fn search(&self, marketplace: &str, query: &[(&str, &str)], steps: u64) -> Vec<MarketListing> {
        match Search::read(query, marketplace) {
            Ok(search) => search.run(self, &super::tokens(self), steps),
            Err(_) => Vec::new(),
        }
    }
}

/// Cents as a decimal number.
pub(super) fn money(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

fn item(listing: &MarketListing, url: &str) -> Value {
    let amount = |cents| json!({ "value": money(cents), "currency": listing.currency });
    let base = url.split("/buy/").next().unwrap_or_default();
    let image = format!("{base}/images/{}/s-l225.jpg", listing.legacy_id);
    let shipping = match listing.shipping {
        Some(cents) => json!([{ "shippingCostType": "FIXED", "shippingCost": amount(cents) }]),
        None => json!([{ "shippingCostType": "CALCULATED" }]),
    };
    let created = DateTime::from_timestamp(listing.created, 0).unwrap_or_default();
    json!({
        "itemId": listing.item_id,
        "title": listing.title,
        "leafCategoryIds": [listing.category_id],
        "categories": [{ "categoryId": listing.category_id, "categoryName": listing.category }],
        "image": { "imageUrl": image },
        "thumbnailImages": [{ "imageUrl": image }],
        "price": amount(listing.price),
        "itemHref": format!("{base}/buy/browse/v1/item/{}", listing.item_id.replace('|', "%7C")),
        "seller": {
            "username": listing.seller, "feedbackPercentage": listing.feedback_percentage,
            "feedbackScore": listing.feedback_score,
        },
        "condition": listing.condition,
        "conditionId": listing.condition_id,
        "shippingOptions": shipping,
        "buyingOptions": [if listing.auction { "AUCTION" } else { "FIXED_PRICE" }],
        "itemWebUrl": format!("https://www.ebay.com/itm/{}?hash=item{:x}:g:x", listing.legacy_id, listing.product),
        "itemLocation": { "postalCode": "941**", "country": listing.country },
        "adultOnly": false,
        "legacyItemId": listing.legacy_id,
        "availableCoupons": false,
        "itemCreationDate": created.to_rfc3339_opts(SecondsFormat::Millis, true),
        "topRatedBuyingExperience": listing.feedback_score > 10_000,
        "priorityListing": false,
        "listingMarketplaceId": listing.marketplace,
    })
}
