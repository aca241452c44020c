//! Worlds: how many products, listings and sellers there are, and what the servers insist on, as a path says.

use std::str::FromStr;

use super::category::LEAVES;
use crate::options::{Given, options};

/// A leaf of the tree has so many products at most.
const MAX_PRODUCTS: u64 = 10_000;
/// A product has so many listings at most.
const MAX_LISTINGS: u64 = 5_000;

/// A market as a path names it: `products=100,listings=12,sellers=200`, or `default`. Amazon and eBay with the same
/// options are two sides of one market: what the one sells best is what the other lists.
///
/// Everything is computed from the seed, its number and how often the market was moved on by
/// [`Sandbox::advance_market`](crate::Sandbox::advance_market). The crate's documentation lists all options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketWorld {
    /// What everything is drawn from.
    pub seed: u64,
    /// How many products lie in each leaf of the tree of categories.
    pub products: u64,
    /// How many listings a product has on average.
    pub listings: u64,
    /// How many sellers there are, each of whom writes its name in many ways.
    pub sellers: u64,
    /// How many calls are answered until the sandbox is reset.
    pub(super) calls: Option<u64>,
    /// How long a token lives, in seconds.
    pub(super) expires: u64,
    /// Whether requests need a token or a key.
    pub(super) auth: bool,
}

impl Default for MarketWorld {
    fn default() -> Self {
        Self { seed: 42, products: 100, listings: 12, sellers: 200, calls: None, expires: 7200, auth: true }
    }
}

impl FromStr for MarketWorld {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut world = Self::default();
        for option in options(text, "a market", None) {
            world.set(option)?;
        }
        if world.products > MAX_PRODUCTS || world.listings > MAX_LISTINGS || world.sellers == 0 {
            return Err(format!(
                "a category has {MAX_PRODUCTS} products at most, a product {MAX_LISTINGS} listings, and there is a seller"
            ));
        }
        Ok(world)
    }
}

impl MarketWorld {
    fn set(&mut self, option: Given<'_>) -> Result<(), String> {
        match option.key {
            "seed" => self.seed = option.number()?,
            "products" => self.products = option.number()?,
            "listings" => self.listings = option.number()?,
            "sellers" => self.sellers = option.number()?,
            "calls" => self.calls = Some(option.number()?),
            "expires" => self.expires = option.number()?,
            "auth" => self.auth = option.switch()?,
            _ => return Err(option.wrong()),
        }
        Ok(())
    }

    /// How many products there are.
    pub fn product_count(&self) -> u64 {
        self.products * LEAVES.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_mistakes_named() {
        let world: MarketWorld = "products=7,auth=off,calls=5000".parse().unwrap();
        assert_eq!((world.products, world.auth, world.calls), (7, false, Some(5000)));
        for wrong in ["colour=red", "products=many", "auth=maybe", "sellers=0", "listings=999999"] {
            assert!(wrong.parse::<MarketWorld>().is_err(), "{wrong}");
        }
    }
}
