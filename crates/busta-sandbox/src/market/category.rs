//! The tree of categories: roots, and leaves with the kinds of things that lie in them.

/// A root of the tree.
pub(super) struct Root {
    pub(super) id: &'static str,
    pub(super) slug: &'static str,
    pub(super) name: &'static str,
}

/// A leaf of the tree.
pub(super) struct Leaf {
    /// Amazon's number.
    pub(super) id: &'static str,
    /// eBay's number for about the same.
    pub(super) ebay: &'static str,
    pub(super) name: &'static str,
    pub(super) root: usize,
    pub(super) kinds: [&'static str; 4],
    /// What things cost here, in cents.
    pub(super) prices: (u64, u64),
}

pub(super) const ROOTS: [Root; 6] = [
    Root { id: "172282", slug: "electronics", name: "Electronics" },
    Root { id: "1055398", slug: "home-garden", name: "Home & Kitchen" },
    Root { id: "165793011", slug: "toys-and-games", name: "Toys & Games" },
    Root { id: "228013", slug: "hi", name: "Tools & Home Improvement" },
    Root { id: "3375251", slug: "sporting-goods", name: "Sports & Outdoors" },
    Root { id: "2619533011", slug: "pet-supplies", name: "Pet Supplies" },
];

const fn leaf(
    root: usize,
    id: &'static str,
    ebay: &'static str,
    name: &'static str,
    kinds: [&'static str; 4],
    prices: (u64, u64),
) -> Leaf {
    Leaf { id, ebay, name, root, kinds, prices }
}

pub(super) const LEAVES: [Leaf; 14] = [
    leaf(
        0,
        "172541",
        "112529",
        "Headphones, Earbuds & Accessories",
        ["Wireless Earbuds", "Over-Ear Headphones", "Neckband Headset", "Open-Ear Headphones"],
        (1599, 34_999),
    ),
    leaf(
        0,
        "2407749011",
        "9355",
        "Cell Phone Chargers",
        ["USB-C Charger", "Power Bank", "Wireless Charging Pad", "Car Charger"],
        (799, 8999),
    ),
    leaf(
        0,
        "193870011",
        "175673",
        "Computer Components",
        ["NVMe SSD", "Mechanical Keyboard", "USB Hub", "Webcam"],
        (1499, 24_999),
    ),
    leaf(
        1,
        "289913",
        "20676",
        "Coffee, Tea & Espresso",
        ["Espresso Machine", "Coffee Grinder", "French Press", "Electric Kettle"],
        (1999, 69_999),
    ),
    leaf(
        1,
        "1063252",
        "20444",
        "Bedding",
        ["Sheet Set", "Down Pillow", "Weighted Blanket", "Duvet Cover"],
        (1499, 15_999),
    ),
    leaf(
        1,
        "510106",
        "20614",
        "Vacuums & Floor Care",
        ["Cordless Vacuum", "Robot Vacuum", "Carpet Cleaner", "Steam Mop"],
        (4999, 59_999),
    ),
    leaf(
        2,
        "166359011",
        "19006",
        "Building Toys",
        ["Building Blocks Set", "Magnetic Tiles", "Marble Run", "Robot Kit"],
        (999, 19_999),
    ),
    leaf(
        2,
        "166220011",
        "180349",
        "Games",
        ["Board Game", "Card Game", "1000 Piece Puzzle", "Chess Set"],
        (799, 7999),
    ),
    leaf(
        3,
        "551238",
        "184655",
        "Power Tools",
        ["Cordless Drill", "Circular Saw", "Orbital Sander", "Impact Driver"],
        (3999, 29_999),
    ),
    leaf(
        3,
        "495224",
        "20697",
        "Lighting",
        ["LED Light Bulbs", "Motion Sensor Light", "Desk Lamp", "String Lights"],
        (899, 8999),
    ),
    leaf(
        4,
        "3407731",
        "181381",
        "Camping & Hiking",
        ["Backpacking Tent", "Sleeping Bag", "Headlamp", "Water Filter"],
        (1299, 39_999),
    ),
    leaf(
        4,
        "3407741",
        "15273",
        "Exercise & Fitness",
        ["Adjustable Dumbbell", "Yoga Mat", "Resistance Bands", "Foam Roller"],
        (899, 39_999),
    ),
    leaf(
        5,
        "2975312011",
        "20742",
        "Dogs",
        ["Dog Bed", "Slow Feeder Bowl", "No-Pull Harness", "Chew Toy"],
        (699, 9999),
    ),
    leaf(
        5,
        "2975241011",
        "20741",
        "Cats",
        ["Cat Tree", "Litter Box", "Water Fountain", "Laser Toy"],
        (699, 14_999),
    ),
];

/// A place in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Category {
    Root(usize),
    Leaf(usize),
}

impl Category {
    /// Finds one by Amazon's number, or as lists of best sellers are named: `bestsellers_electronics`.
    pub(super) fn find(id: &str) -> Option<Self> {
        let id = id.strip_prefix("bestsellers_").unwrap_or(id);
        let root = ROOTS.iter().position(|root| root.id == id || root.slug == id).map(Self::Root);
        root.or_else(|| LEAVES.iter().position(|leaf| leaf.id == id).map(Self::Leaf))
    }

    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Root(at) => ROOTS[at].id,
            Self::Leaf(at) => LEAVES[at].id,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Root(at) => ROOTS[at].name,
            Self::Leaf(at) => LEAVES[at].name,
        }
    }

    pub(super) fn parent(self) -> Option<Self> {
        match self {
            Self::Root(_) => None,
            Self::Leaf(at) => Some(Self::Root(LEAVES[at].root)),
        }
    }

    pub(super) fn children(self) -> Vec<Self> {
        match self {
            Self::Root(at) => self::leaves(at).map(Self::Leaf).collect(),
            Self::Leaf(_) => Vec::new(),
        }
    }

    /// The leaves at or below it.
    pub(super) fn leaves(self) -> Vec<usize> {
        match self {
            Self::Root(at) => self::leaves(at).collect(),
            Self::Leaf(at) => vec![at],
        }
    }

    /// `Electronics > Headphones, Earbuds & Accessories`.
    pub(super) fn path(self) -> String {
        match self.parent() {
            Some(parent) => format!("{} > {}", parent.name(), self.name()),
            None => self.name().to_owned(),
        }
    }
}

fn leaves(root: usize) -> impl Iterator<Item = usize> {
    LEAVES.iter().enumerate().filter(move |(_, leaf)| leaf.root == root).map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categories_are_found_by_their_names() {
        assert_eq!(Category::find("bestsellers_electronics"), Some(Category::Root(0)));
        assert_eq!(Category::find("172541"), Some(Category::Leaf(0)));
        assert_eq!(Category::find("1"), None);
        assert_eq!(Category::Root(0).leaves(), [0, 1, 2]);
        assert_eq!(Category::Leaf(3).path(), "Home & Kitchen > Coffee, Tea & Espresso");
    }
}
