//! Amazon's pages as a scraping service gives them: `GET /request?type=bestsellers&category_id=...&page=...`, and the
//! tree of categories at `/categories`.
//!
//! The forms are those of one such service, which sellers' tools build on:
//! <https://docs.trajectdata.com/rainforestapi/product-data-api/parameters/bestsellers> and
//! <https://docs.trajectdata.com/rainforestapi/categories-api/overview>.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::Visit;
use super::category::{Category, ROOTS};
use super::ebay::money;
use super::product::{MarketProduct, words};
use crate::auth::API_KEY;
use crate::reply::Reply;

/// A page of best sellers has so many; other pages have about half of that.
const LISTED: usize = 50;
const FOUND: usize = 24;

fn refuse(status: StatusCode, message: &str) -> Reply {
    Reply::json(&json!({ "request_info": { "success": false, "message": message } })).status(status)
}

/// Counts the request, and says how many there may be after it.
fn admit(visit: &Visit<'_>) -> Result<u64, Reply> {
    if visit.world.auth && visit.call.params.get("api_key") != Some(API_KEY) {
        return Err(refuse(StatusCode::UNAUTHORIZED, "The api_key is missing or invalid."));
    }
    let left = visit.count();
    left.map_err(|()| refuse(StatusCode::PAYMENT_REQUIRED, "You have used all credits of your plan."))
}

/// What stands before all results.
fn envelope(visit: &Visit<'_>, left: u64) -> Value {
    let asked: Map<String, Value> = visit
        .call
        .params
        .all()
        .into_iter()
        .filter(|(name, _)| *name != "api_key")
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    json!({
        "request_info": { "success": true, "credits_used_this_request": 1, "credits_remaining": left },
        "request_parameters": asked,
        "request_metadata": { "amazon_url": "https://www.amazon.com/" },
    })
}

/// Answers `/request`.
pub(super) fn request(visit: &Visit<'_>) -> Result<Reply, Reply> {
    let left = admit(visit)?;
    let params = &visit.call.params;
    let category = match params.get("category_id") {
        Some(id) => {
            let found = Category::find(id);
            Some(found.ok_or_else(|| refuse(StatusCode::BAD_REQUEST, "The category_id is not known."))?)
        }
        None => None,
    };
    let mut answer = envelope(visit, left);
    match (params.get("type"), category, params.get("search_term")) {
        (Some("bestsellers"), Some(category), _) => bestsellers(visit, category, &mut answer)?,
        (Some("category"), Some(category), _) => {
            let all = visit.world.below(category, visit.steps);
            results(visit, &all, "category_results", &mut answer)?;
        }
        (Some("search"), _, Some(term)) => {
            let wanted: Vec<String> = words(term).collect();
            let roots = 0..ROOTS.len();
            let mut all: Vec<MarketProduct> =
                roots.flat_map(|root| visit.world.below(Category::Root(root), visit.steps)).collect();
            all.retain(|product| {
                let title: Vec<String> = words(&product.title).collect();
                wanted.iter().all(|word| title.contains(word))
            });
            results(visit, &all, "search_results", &mut answer)?;
        }
        _ => {
            let message =
                "Give a type (bestsellers, category or search), and a category_id or a search_term.";
            return Err(refuse(StatusCode::BAD_REQUEST, message));
        }
    }
    Ok(Reply::json(&answer))
}

/// A page of `all`, and what the answer says about pages.
fn page<'a>(
    visit: &Visit<'_>,
    all: &'a [MarketProduct],
    size: usize,
    answer: &mut Value,
) -> Result<&'a [MarketProduct], Reply> {
    let number = visit.call.params.number("page")?.unwrap_or(1).max(1);
    let pages = all.len().div_ceil(size) as u64;
    answer["pagination"] = json!({
        "current_page": number, "total_pages": pages, "has_next_page": number < pages, "total_results": all.len(),
    });
    let from = usize::try_from(number - 1).unwrap_or(usize::MAX).saturating_mul(size).min(all.len());
    Ok(&all[from..(from + size).min(all.len())])
}

fn price(cents: u64) -> Value {
    let text = money(cents);
    json!({ "symbol": "$", "value": cents as f64 / 100.0, "currency": "USD", "raw": format!("${text}") })
}

fn product(product: &MarketProduct, position: usize) -> Value {
    let asin = &product.asin;
    let mut value = json!({
        "position": position, "title": product.title, "asin": asin,
        "link": format!("https://www.amazon.com/dp/{asin}"),
        "image": format!("https://images-na.ssl-images-amazon.com/images/I/{asin}.jpg"),
    });
    if let Some(rating) = product.rating {
        value["rating"] = rating.into();
        value["ratings_total"] = product.reviews.into();
    }
    if let Some(cents) = product.price {
        value["price"] = price(cents);
    }
    value
}

fn bestsellers(visit: &Visit<'_>, category: Category, answer: &mut Value) -> Result<(), Reply> {
    let all = visit.world.bestsellers(category.id(), visit.steps);
    let listed: Vec<Value> = (1..)
        .zip(page(visit, &all, LISTED, answer)?)
        .map(|(position, listed)| {
            let mut value = product(listed, position);
            value["rank"] = listed.rank.into();
            value
        })
        .collect();
    answer["bestsellers"] = listed.into();
    let short = |category: Category| {
        let link = format!("https://www.amazon.com/gp/bestsellers/{}", category.id());
        json!({ "id": format!("bestsellers_{}", category.id()), "name": category.name(), "link": link })
    };
    let children: Vec<Value> = category.children().into_iter().map(short).collect();
    answer["bestsellers_info"] = json!({ "current_category": short(category), "child_categories": children });
    if let Some(parent) = category.parent() {
        answer["bestsellers_info"]["parent_category"] = short(parent);
    }
    Ok(())
}

fn results(visit: &Visit<'_>, all: &[MarketProduct], name: &str, answer: &mut Value) -> Result<(), Reply> {
    let found: Vec<Value> = (1..)
        .zip(page(visit, all, FOUND, answer)?)
        .map(|(position, found)| {
            let mut value = product(found, position);
            value["is_prime"] = true.into();
            value["sponsored"] = false.into();
            value["brand"] = found.brand.into();
            if let Some(cents) = found.price {
                let mut prices = vec![price(cents)];
                prices[0]["name"] = "Primary".into();
                prices[0]["is_primary"] = true.into();
                if let Some(cents) = found.list_price {
                    let mut list = price(cents);
                    list["name"] = "Original".into();
                    list["is_rrp"] = true.into();
                    prices.push(list);
                }
                value["prices"] = prices.into();
            }
            value
        })
        .collect();
    answer[name] = found.into();
    Ok(())
}

/// Answers `/categories`: the roots, or what lies below `parent_id`.
pub(super) fn categories(visit: &Visit<'_>) -> Result<Reply, Reply> {
    let left = admit(visit)?;
    let (found, parent) = match visit.call.params.get("parent_id") {
        Some(id) => {
            let parent = Category::find(id);
            let parent =
                parent.ok_or_else(|| refuse(StatusCode::BAD_REQUEST, "The parent_id is not known."))?;
            (parent.children(), Some(parent))
        }
        None => ((0..ROOTS.len()).map(Category::Root).collect(), None),
    };
    let kind = visit.call.params.get("type").unwrap_or("standard");
    let id = |category: Category| match kind {
        "bestsellers" => format!("bestsellers_{}", category.id()),
        _ => category.id().to_owned(),
    };
    let list: Vec<Value> = found
        .into_iter()
        .map(|category| {
            let mut value = json!({
                "id": id(category), "name": category.name(), "type": kind, "domain": "amazon.com",
                "path": category.path(), "is_root": parent.is_none(), "has_children": !category.children().is_empty(),
            });
            if let Some(parent) = parent {
                value["parent_id"] = id(parent).into();
                value["parent_name"] = parent.name().into();
            }
            value
        })
        .collect();
    let mut answer = envelope(visit, left);
    answer["categories"] = list.into();
    Ok(Reply::json(&answer))
}
