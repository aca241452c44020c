//! Trying a source out (`busta sources test`).

use std::sync::Arc;

use busta_core::{Probe, Records, Result};
use url::Url;

use super::document::{self, Found};
use super::landing::{Document, How};
use super::link::links;
use super::next::Place;
use super::piece::{Part, Piece};
use super::plan;
use super::reader::SearchReader;
use super::settings::Stac;
use crate::download::assets::Assets;
use crate::http::{UnderWay, shown_url};

/// So many items are shown.
const SAMPLE: usize = 5;

/// Looks at the landing page and fetches the first page of the search.
pub async fn of_url(stac: Arc<Stac>, url: &Url) -> Result<Probe> {
    let found = document::fetch(&stac, url).await?;
    let document = Document::read(&found.body).map_err(|e| e.at(document::shown(&found.url)))?;
    let Document::Api(landing) = document else { return of_catalog(&stac, &found) };
    let at = found.url;
    let endpoint = landing.endpoint(stac.method, &at)?;
    stac.search.check(&endpoint)?;
    let (how, can) = (endpoint.how, endpoint.can);
    let mut collections = stac.collections.clone();
    if how == How::Items && collections.is_empty() {
        collections = plan::collections(&stac, &endpoint.url).await?;
    }
    let piece = Piece { endpoint, collections, since: None, part: Part::Chain };
    let mut reader = SearchReader::new(stac.clone(), piece, None)?;
    let (response, page) = reader.fetch(&Place::default(), UnderWay::default()).await?;
    let matched = page.matched;
    let items = reader.look(page, &Place::default()).await?;
    let mut summary = format!(
        "{}: {} {} answered {} in {} ms: {} items",
        landing.title.as_deref().unwrap_or_default(),
        if how == How::Post { "POST" } else { "GET" },
        shown_url(&response.url),
        response.status,
        response.latency.as_millis(),
        items.records.len()
    );
    match matched {
        Some(matched) => summary.push_str(&format!(" of {matched}")),
        None => summary.push_str(", and the server does not say of how many"),
    }
    if !items.failures.is_empty() {
        summary.push_str(&format!(", and {} that are no items", items.failures.len()));
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
    let mut sample = items.records;
    sample.truncate(SAMPLE);
    Ok(Probe { summary, sample })
}

/// Says what of the sample's assets would be downloaded, and why not the others.
pub fn with_assets(mut probe: Probe, assets: &Assets, page: &Url) -> Probe {
    let found = probe.sample.iter().map(|item| assets.find(item, Some(page)));
    let (splits, failures) = found.fold((0, Vec::new()), |(splits, mut all), (found, failures)| {
        all.extend(failures);
        (splits + found.len(), all)
    });
    if splits + failures.len() > 0 {
        let items = probe.sample.len();
        probe.summary.push_str(&format!("; {splits} assets of {items} of the items would be downloaded"));
    }
    if let Some(first) = failures.first() {
        probe.summary.push_str(&format!(", and {} cannot be: {}", failures.len(), first.reason));
    }
    probe
}

/// What a catalogue says of itself; its items are further requests.
fn of_catalog(stac: &Stac, found: &Found) -> Result<Probe> {
    stac.check_static()?;
    let text = |name: &str| busta_core::json::field(&found.body, name);
    let title = text("title").or(text("id")).unwrap_or("\"\"").trim_matches('"');
    let all = text("links").map(links).unwrap_or_default();
    let count = |rel: &str| all.iter().filter(|link| link.rel == rel).count();
    let summary = format!(
        "{title}: {} is a {} with {} child and {} item links",
        document::shown(&found.url),
        text("type").unwrap_or("document").trim_matches('"'),
        count("child"),
        count("item")
    );
    Ok(Probe { summary, sample: Records::default() })
}
