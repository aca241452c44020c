//! What sellers offer, computed from the world, the product, and their number; and how they spell their names.

use super::category::LEAVES;
use super::product::{MarketProduct, draw};
use super::world::MarketWorld;
use crate::data::Dice;

const FIRST: [&str; 12] = [
    "Tech", "Prime", "Golden", "Urban", "Pacific", "Lucky", "Swift", "Honest", "Sunny", "Metro", "Alpine",
    "Bargain",
];
const MIDDLE: [&str; 12] = [
    "Haven",
    "Gadget",
    "Warehouse",
    "Corner",
    "Bay",
    "Island",
    "Forest",
    "Home",
    "Outlet",
    "River",
    "Castle",
    "Hub",
];
const LAST: [&str; 8] = ["Deals", "Store", "USA", "Direct", "Trading", "Co", "Shop", "Liquidators"];
/// In how many ways a name is written.
const SPELLINGS: u64 = 7;
/// What sellers write behind titles.
const PRAISE: [&str; 6] = ["", " NEW", " - Free Shipping!", " *FAST SHIP*", " (Sealed)", " **US SELLER**"];
/// 2024-06-01T00:00:00Z.
const EPOCH: i64 = 1_717_200_000;

/// Where listings are made, with their currency, and how many of a hundred.
const PLACES: [(&str, &str, u64); 3] =
    [("EBAY_US", "USD", 85), ("EBAY_GB", "GBP", 10), ("EBAY_DE", "EUR", 5)];
/// Conditions with their ids.
const USED: [(&str, &str); 3] =
    [("Used", "3000"), ("Open box", "1500"), ("For parts or not working", "7000")];

/// A listing as its market knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct MarketListing {
    /// The number of the product it offers.
    pub product: u64,
    /// eBay's number for it: `v1|110000000001|0`.
    pub item_id: String,
    /// The middle of that.
    pub legacy_id: String,
    /// The title as the seller wrote it.
    pub title: String,
    /// The price in cents.
    pub price: u64,
    /// The currency of that.
    pub currency: &'static str,
    /// The condition in words.
    pub condition: &'static str,
    /// The condition's number.
    pub condition_id: &'static str,
    /// The seller's number, from 0.
    pub seller_number: u64,
    /// The seller's name as it is written here.
    pub seller: String,
    /// How many people have judged the seller.
    pub feedback_score: u64,
    /// How many of a hundred were content: `99.3`.
    pub feedback_percentage: String,
    /// What sending it costs, in cents; none if that depends on where to.
    pub shipping: Option<u64>,
    /// Where it is: `US`.
    pub country: &'static str,
    /// Whether it can only be bid for.
    pub auction: bool,
    /// Where it is offered: `EBAY_US`.
    pub marketplace: &'static str,
    /// eBay's number of its category.
    pub category_id: &'static str,
    /// The name of that.
    pub category: &'static str,
    /// When it was made, in seconds.
    pub created: i64,
}

impl MarketWorld {
    /// The listings of a product after so many steps, in all places.
    pub fn listings_of(&self, product: u64, steps: u64) -> Vec<MarketListing> {
        let Some(product) = draw(self, product, 0) else { return Vec::new() };
        let usual =
            self.listings / 2 + Dice::of(&[self.seed, product.number, 31]).pick(self.listings + 1) as u64;
        let count = usual + steps.min(5);
        let there = |n: &u64| {
            steps == 0 || *n >= usual || !Dice::of(&[self.seed, product.number, *n, steps, 32]).chance(1, 20)
        };
        (0..count).filter(there).map(|n| offer(self, &product, n)).collect()
    }

    /// The key that all spellings of a seller's name share: small letters and digits. This is the rule that
    /// makes them one seller.
    pub fn seller_key(&self, number: u64) -> String {
        self.seller_name(number, 0)
    }

    fn seller_name(&self, number: u64, spelling: u64) -> String {
        let pick = |list: &[&'static str], number: u64| list[(number % list.len() as u64) as usize];
        let words =
            [pick(&FIRST, number), pick(&MIDDLE, number / 12 + number % 12), pick(&LAST, number / 144)];
        let again = number / (144 * 8);
        let tail = if again > 0 { again.to_string() } else { String::new() };
        match spelling % SPELLINGS {
            0 => words.concat().to_lowercase() + &tail,
            1 => words.join("_").to_lowercase() + &tail,
            2 => format!("{}{tail}", words.join(" ")),
            3 => format!("{}{tail}", words.join("-").to_uppercase()),
            4 => format!("{}{tail}", words.join(".")),
            5 => format!("*{}* {}{tail}", words[..2].concat(), words[2]),
            _ => format!("{} {tail}", words.concat()),
        }
    }
}

fn offer(world: &MarketWorld, product: &MarketProduct, n: u64) -> MarketListing {
    let dice = &mut Dice::of(&[world.seed, product.number, n, 33]);
    let legacy_id = (110_000_000_000 + product.number * 10_000 + n).to_string();
    // The lower of two: few sellers offer much, many a little.
    let seller_number = dice.pick(world.sellers).min(dice.pick(world.sellers)) as u64;
    let seller = world.seller_name(seller_number, dice.pick(SPELLINGS) as u64);
    let known = &mut Dice::of(&[world.seed, seller_number, 34]);
    let (feedback_score, percentage) = (known.pick(90_000) as u64, 900 + known.pick(101));
    let (condition, condition_id) = if dice.chance(4, 5) { ("New", "1000") } else { dice.one(&USED) };
    let (marketplace, currency) = place(dice);
    let country = match marketplace {
        "EBAY_GB" => "GB",
        "EBAY_DE" => "DE",
        _ if dice.chance(4, 5) => "US",
        _ => dice.one(&["CN", "CA", "JP"]),
    };
    let leaf = LEAVES.iter().find(|leaf| leaf.id == product.category_id).unwrap_or(&LEAVES[0]);
    MarketListing {
        product: product.number,
        item_id: format!("v1|{legacy_id}|0"),
        legacy_id,
        title: title(&product.title, dice),
        price: (usual(product, leaf.prices) * (60 + dice.pick(81) as u64) / 100).max(99),
        currency,
        condition,
        condition_id,
        seller_number,
        seller,
        feedback_score,
        feedback_percentage: format!("{}.{}", percentage / 10, percentage % 10),
        shipping: match dice.pick(10) {
            0 => None,
            1..=2 => Some(dice.pick(2000) as u64 + 1),
            _ => Some(0),
        },
        country,
        auction: dice.chance(1, 12),
        marketplace,
        category_id: leaf.ebay,
        category: leaf.name,
        created: EPOCH - dice.pick(90 * 86_400) as i64,
    }
}

fn usual(product: &MarketProduct, (low, high): (u64, u64)) -> u64 {
    product.price.unwrap_or((low + high) / 2)
}

fn place(dice: &mut Dice) -> (&'static str, &'static str) {
    let mut drawn = dice.pick(100) as u64;
    for (place, currency, share) in PLACES {
        if drawn < share {
            return (place, currency);
        }
        drawn -= share;
    }
    (PLACES[0].0, PLACES[0].1)
}

/// A seller's own words for a product: most keep all of its title.
fn title(title: &str, dice: &mut Dice) -> String {
    let praise = dice.one(&PRAISE);
    let written = match dice.pick(8) {
        0 => title.to_uppercase(),
        1 => title.replace([',', '|', '(', ')'], ""),
        2 => title.rsplit_once([',', '-', '|']).map_or(title, |(head, _)| head).trim().to_owned(),
        _ => title.to_owned(),
    };
    format!("{written}{praise}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rule of the contract, written again.
    fn normalised(name: &str) -> String {
        name.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect()
    }

    #[test]
    fn sellers_have_many_spellings_of_one_key() {
        let world: MarketWorld = "sellers=3000".parse().unwrap();
        let mut keys = std::collections::BTreeSet::new();
        for number in 0..3000 {
            let spellings: std::collections::BTreeSet<String> =
                (0..SPELLINGS).map(|spelling| world.seller_name(number, spelling)).collect();
            assert_eq!(spellings.len() as u64, SPELLINGS, "{spellings:?}");
            assert!(
                spellings.iter().all(|name| normalised(name) == world.seller_key(number)),
                "{spellings:?}"
            );
            assert!(keys.insert(world.seller_key(number)), "{spellings:?}");
        }
    }

    #[test]
    fn most_listings_are_new_free_and_near_and_some_are_not() {
        let world = MarketWorld::default();
        let all: Vec<MarketListing> = (0..400).flat_map(|product| world.listings_of(product, 0)).collect();
        assert!((4000..5600).contains(&all.len()), "{}", all.len());
        let share = |has: fn(&MarketListing) -> bool| {
            all.iter().filter(|listing| has(listing)).count() * 100 / all.len()
        };
        assert!((75..85).contains(&share(|listing| listing.condition == "New")));
        assert!((65..75).contains(&share(|listing| listing.shipping == Some(0))));
        assert!((60..75).contains(&share(|listing| listing.country == "US")));
        assert!((5..12).contains(&share(|listing| listing.auction)));
        let later: Vec<MarketListing> = (0..400).flat_map(|product| world.listings_of(product, 1)).collect();
        assert!(all.iter().any(|listing| !later.contains(listing)));
        assert!(later.iter().any(|listing| !all.contains(listing)));
    }
}
