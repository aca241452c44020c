//! Trying a source out (`busta sources test`).

use std::sync::Arc;

use busta_core::{Error, Probe, Result};

use super::landing::{Document, How};
use super::next::Place;
use super::piece::{Part, Piece};
use super::plan;
use super::reader::SearchReader;
use super::settings::{Origin, Stac};
use crate::http::shown_url;

/// So many items are shown.
const SAMPLE: usize = 5;

/// Looks at the landing page and fetches the first page of the search.
pub async fn probe(stac: Arc<Stac>) -> Result<Probe> {
    let Origin::Url(url) = &stac.origin else { return Err(Error::config("paths are not read yet")) };
    let (at, document) = plan::fetch(&stac, url).await?;
    let Document::Api(landing) = document else {
        return Err(Error::config("static catalogues are not read yet"));
    };
    let endpoint = landing.endpoint(stac.method, &at)?;
    stac.search.check(&endpoint)?;
    let (how, can) = (endpoint.how, endpoint.can);
    let mut collections = stac.collections.clone();
    if how == How::Items && collections.is_empty() {
        collections = plan::collections(&stac, &endpoint.url).await?;
    }
    let piece = Piece { endpoint, collections, since: None, part: Part::Chain };
    let reader = SearchReader::new(stac.clone(), piece, None)?;
    let (response, page) = reader.fetch(&Place::default()).await?;
    let mut summary = format!(
        "{}: {} {} answered {} in {} ms: {} items",
        landing.title.as_deref().unwrap_or_default(),
        if how == How::Post { "POST" } else { "GET" },
        shown_url(&response.url),
        response.status,
        response.latency.as_millis(),
        page.items.len()
    );
    match page.matched {
        Some(matched) => summary.push_str(&format!(" of {matched}")),
        None => summary.push_str(", and the server does not say of how many"),
    }
    if !page.failures.is_empty() {
        summary.push_str(&format!(", and {} that are no items", page.failures.len()));
    }
    let extensions: Vec<&str> =
        [("query", can.query), ("filter", can.filter), ("fields", can.fields), ("sort", can.sort)]
            .into_iter()
            .filter_map(|(name, has)| has.then_some(name))
            .collect();
    match extensions.is_empty() {
        true => summary.push_str("; the search has no extensions"),
        false => summary.push_str(&format!("; the search takes {}", extensions.join(", "))),
    }
    let mut sample = page.items;
    sample.truncate(SAMPLE);
    Ok(Probe { summary, sample })
}
