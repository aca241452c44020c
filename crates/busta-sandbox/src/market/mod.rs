//! Two sides of one market: `/amazon/{world}` says what sells best, `/ebay/{world}` who offers it.

mod amazon;
mod category;
mod ebay;
mod filter;
mod listing;
mod product;
mod scraper;
mod world;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

pub(crate) use amazon::answer as answer_amazon;
pub(crate) use ebay::answer as answer_ebay;
pub use listing::MarketListing;
pub use product::MarketProduct;
pub use world::MarketWorld;

use crate::app::Call;
use crate::dataset::lock;

/// So many worlds are remembered with the words of their products.
const MAX_WORLDS: usize = 8;

/// So many searches are remembered with what they found.
const MAX_SEARCHES: usize = 16;

/// The words in the titles of products, by their numbers.
type Tokens = Vec<Vec<String>>;

/// What the markets remember.
#[derive(Default)]
pub(crate) struct Market {
    /// How far all markets were moved on.
    steps: AtomicU64,
    /// How many calls were answered, by the path of their world.
    calls: Mutex<HashMap<String, u64>>,
    /// By seed and products.
    tokens: Mutex<HashMap<(u64, u64), Arc<Tokens>>>,
    /// By world, steps and search.
    found: Mutex<HashMap<String, Arc<Vec<MarketListing>>>>,
}

impl Market {
    pub(crate) fn advance(&self, steps: u64) {
        self.steps.fetch_add(steps, Ordering::AcqRel);
    }

    pub(crate) fn rewind(&self) {
        self.steps.store(0, Ordering::Release);
        lock(&self.calls).clear();
    }
}

/// A request to a world.
struct Visit<'a> {
    call: &'a Call<'a>,
    world: MarketWorld,
    steps: u64,
    /// The path of the world.
    base: &'a str,
}

impl<'a> Visit<'a> {
    fn new(call: &'a Call<'a>, world: MarketWorld, parts: &[&str]) -> Self {
        let behind: usize = parts.iter().map(|part| part.len() + 1).sum();
        let base = &call.path[..call.path.trim_end_matches('/').len().saturating_sub(behind)];
        Self { call, world, steps: call.app.market.steps.load(Ordering::Acquire), base }
    }

    /// Counts this call, and says how many are left; an error if there were none.
    fn count(&self) -> Result<u64, ()> {
        let mut calls = lock(&self.call.app.market.calls);
        let count = calls.entry(self.base.to_owned()).or_default();
        let most = self.world.calls.unwrap_or(u64::MAX);
        if *count >= most {
            return Err(());
        }
        *count += 1;
        Ok((most - *count).min(1_000_000))
    }

    /// What a search finds, which is made once for all pages.
    fn found(
        &self,
        search: &str,
        make: impl FnOnce(&Tokens) -> Vec<MarketListing>,
    ) -> Arc<Vec<MarketListing>> {
        let key = format!("{:?} {} {search}", self.world, self.steps);
        if let Some(known) = lock(&self.call.app.market.found).get(&key) {
            return Arc::clone(known);
        }
        let made = Arc::new(make(&self.tokens()));
        let mut all = lock(&self.call.app.market.found);
        if all.len() >= MAX_SEARCHES {
            all.clear();
        }
        Arc::clone(all.entry(key).or_insert(made))
    }

    fn tokens(&self) -> Arc<Tokens> {
        let key = (self.world.seed, self.world.products);
        if let Some(known) = lock(&self.call.app.market.tokens).get(&key) {
            return Arc::clone(known);
        }
        let made = Arc::new(tokens(&self.world));
        let mut worlds = lock(&self.call.app.market.tokens);
        if worlds.len() >= MAX_WORLDS {
            worlds.clear();
        }
        Arc::clone(worlds.entry(key).or_insert(made))
    }
}

fn tokens(world: &MarketWorld) -> Tokens {
    let products = (0..world.product_count()).filter_map(|number| product::draw(world, number, 0));
    products.map(|product| product::words(&product.title).collect()).collect()
}
