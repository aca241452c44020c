//! Products, computed from the world, their number and how far the market has gone on.

use super::category::{Category, LEAVES};
use super::world::MarketWorld;
use crate::data::{Dice, mix};

/// Lists of best sellers end here.
const LISTED: usize = 100;

const BRANDS: [&str; 20] = [
    "Sonovo",
    "Ankoru",
    "Brightleaf",
    "KettleCo",
    "Nordvik",
    "Tenko",
    "Quanta+",
    "Hearth & Home",
    "Voltix",
    "Arborly",
    "PawPatch",
    "Trailmark",
    "Lumera",
    "Grindwell",
    "Blockly",
    "Stratus",
    "Oak & Iron",
    "Zephyr",
    "Mikado",
    "Érable",
];
const TRAITS: [&str; 16] = [
    "Pro",
    "Max",
    "Mini",
    "with Travel Case",
    "2-Pack",
    "Fast Charging",
    "Noise Cancelling",
    "Stainless Steel",
    "for Beginners",
    "BPA-Free",
    "IPX7 Waterproof",
    "Foldable",
    "Heavy Duty",
    "Ultra Light",
    "1.7 L",
    "40 Hours",
];
const COLORS: [&str; 8] = ["Black", "White", "Navy Blue", "Forest Green", "Rose Gold", "Gray", "Red", "Sand"];

/// A product as its market knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct MarketProduct {
    /// Its number, from 0.
    pub number: u64,
    /// Amazon's number for it.
    pub asin: String,
    /// Its title, with commas and all.
    pub title: String,
    /// Who makes it.
    pub brand: &'static str,
    /// The number of its leaf of the tree of categories.
    pub category_id: &'static str,
    /// The name of that.
    pub category: &'static str,
    /// What it costs, in cents; none if it cannot be bought now.
    pub price: Option<u64>,
    /// What it is said to have cost, in cents.
    pub list_price: Option<u64>,
    /// How many stars it has, of five; none if nobody has given any.
    pub rating: Option<f64>,
    /// How many people gave stars.
    pub reviews: u64,
    /// Its place in the list it was taken from, from 1.
    pub rank: u64,
    /// What all lists are sorted by.
    sales: u64,
}

impl MarketWorld {
    /// A product after so many steps; its rank is that in its leaf's list, or 0 beyond its end. None beyond the last.
    pub fn product(&self, number: u64, steps: u64) -> Option<MarketProduct> {
        let mut product = draw(self, number, steps)?;
        let list = self.bestsellers(product.category_id, steps);
        product.rank = list.iter().find(|listed| listed.number == number).map_or(0, |listed| listed.rank);
        Some(product)
    }

    /// The list of best sellers of a category, by its number, after so many steps: a hundred at most.
    pub fn bestsellers(&self, category: &str, steps: u64) -> Vec<MarketProduct> {
        let mut all = Category::find(category).map_or_else(Vec::new, |category| self.below(category, steps));
        all.truncate(LISTED);
        all
    }

    /// All products at or below a category, those that sell best first.
    pub(super) fn below(&self, category: Category, steps: u64) -> Vec<MarketProduct> {
        let leaves = category.leaves().into_iter();
        let numbers = leaves.flat_map(|leaf| leaf as u64 * self.products..(leaf as u64 + 1) * self.products);
        let mut all: Vec<MarketProduct> = numbers.filter_map(|number| draw(self, number, steps)).collect();
        all.sort_by_key(|product| (std::cmp::Reverse(product.sales), product.number));
        for (rank, product) in (1..).zip(&mut all) {
            product.rank = rank;
        }
        all
    }
}

/// A product whose rank is not known yet.
pub(super) fn draw(world: &MarketWorld, number: u64, steps: u64) -> Option<MarketProduct> {
    let leaf =
        &LEAVES[usize::try_from(number / world.products.max(1)).ok().filter(|at| *at < LEAVES.len())?];
    let dice = &mut Dice::of(&[world.seed, number, 21]);
    let (brand, kind) = (dice.one(&BRANDS), dice.one(&leaf.kinds));
    let model = format!("{}{}", char::from(b'A' + dice.pick(26) as u8), dice.pick(900) + 100);
    let (first, second, color) = (dice.one(&TRAITS), dice.one(&TRAITS), dice.one(&COLORS));
    let title = match dice.pick(3) {
        0 => format!("{brand} {kind} {model}, {first}, {color}"),
        1 => format!("{brand} {model} {kind} - {first} ({color})"),
        _ => format!("{brand} {kind}, {first}, {second} | {model}"),
    };
    let (low, high) = leaf.prices;
    let usual = low + dice.pick(high - low) as u64;
    let (dear, gone) = (dice.chance(2, 5), dice.chance(1, 25));
    let reviews = if dice.chance(1, 20) { 0 } else { dice.pick(60_000) as u64 + 1 };
    let rating = (reviews > 0).then(|| (31 + dice.pick(20)) as f64 / 10.0);
    let sales = dice.pick(100_000) as u64;
    let today = &mut Dice::of(&[world.seed, number, steps, 22]);
    let price = match steps > 0 && today.chance(1, 5) {
        true => usual * (90 + today.pick(21) as u64) / 100,
        false => usual,
    };
    Some(MarketProduct {
        number,
        asin: asin(world, number),
        title,
        brand,
        category_id: leaf.id,
        category: leaf.name,
        price: (!gone).then_some(price),
        list_price: (dear && !gone).then_some(usual * 130 / 100),
        rating,
        reviews,
        rank: 0,
        sales: sales + today.pick(3000) as u64,
    })
}

/// `B0` and eight letters and digits, of which the last four tell the number apart.
fn asin(world: &MarketWorld, number: u64) -> String {
    let head = crate::data::base36(mix(world.seed ^ number) % 36_u64.pow(4));
    format!("B0{head:0>4}{:0>4}", crate::data::base36(number)).to_uppercase()
}

/// The words of a text as searches know them.
pub(super) fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_told_apart_and_ranked() {
        let world = MarketWorld::default();
        let all: Vec<MarketProduct> =
            (0..world.product_count()).filter_map(|number| draw(&world, number, 0)).collect();
        assert_eq!(all.len() as u64, world.product_count());
        let asins: std::collections::BTreeSet<&str> =
            all.iter().map(|product| product.asin.as_str()).collect();
        assert_eq!(asins.len(), all.len());
        assert!(asins.iter().all(|asin| asin.len() == 10));
        assert!(all.iter().any(|product| product.price.is_none()));
        let best = world.bestsellers("172282", 0);
        assert_eq!(
            best.iter().map(|product| product.rank).collect::<Vec<_>>(),
            (1..=100).collect::<Vec<_>>()
        );
        assert!(best.iter().any(|product| product.category_id != best[0].category_id));
        assert_ne!(best, world.bestsellers("172282", 1), "the market goes on");
        let product = world.product(best[5].number, 0).unwrap();
        assert!((1..=6).contains(&product.rank));
        assert_eq!(world.product(world.product_count(), 0), None);
    }
}
