//! The filters of a search: `price:[10..50],priceCurrency:USD,conditions:{NEW|USED},maxDeliveryCost:0`, and what the
//! server says about those that it does not understand.
//!
//! The grammar and the numbers of warnings are those of eBay's Browse API,
//! <https://developer.ebay.com/api-docs/buy/static/ref-buy-browse-filters.html>.

use serde_json::{Value, json};

use super::listing::MarketListing;

/// What a listing must be like.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Filters {
    price: Option<(Option<u64>, Option<u64>)>,
    conditions: Vec<String>,
    condition_ids: Vec<String>,
    /// Only what is sent for nothing.
    free: bool,
    country: Option<String>,
    /// What it can be bought by; `FIXED_PRICE` unless said otherwise.
    options: Vec<String>,
    sellers: Vec<String>,
    excluded: Vec<String>,
}

/// A warning of a search: what was asked for was left out of account.
pub(super) fn warning(id: u64, message: &str) -> Value {
    json!({ "errorId": id, "domain": "API_BROWSE", "category": "REQUEST", "message": message })
}

impl Filters {
    /// Reads `filter`, and says what is wrong with it. Names that it does not know do nothing at all.
    pub(super) fn read(text: &str, currency: &str) -> (Self, Vec<Value>) {
        let (mut filters, mut warnings, mut told) = (Self::default(), Vec::new(), None);
        for (name, value) in pairs(text) {
            if name == "priceCurrency" {
                told = Some(value);
            } else if filters.set(name, value).is_none() {
                let message = format!(
                    "The {name} value is invalid. For the valid values, refer to the API call documentation."
                );
                warnings.push(warning(12002, &message));
            }
        }
        if filters.price.is_some() && told != Some(currency) {
            filters.price = None;
            let message = "A valid 'price' filter and a valid 'priceCurrency' filter is necessary to filter based on \
                           price.";
            warnings.push(warning(12012, message));
        }
        (filters, warnings)
    }

    fn set(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "price" => self.price = Some(range(value)?),
            "conditions" => {
                self.conditions = set(value)?;
                let known = |word: &String| matches!(word.as_str(), "NEW" | "USED" | "UNSPECIFIED");
                return self.conditions.iter().all(known).then_some(()).or_else(|| {
                    self.conditions.clear();
                    None
                });
            }
            "conditionIds" => self.condition_ids = set(value)?,
            // Only 0 means something: free shipping.
            "maxDeliveryCost" => self.free = (value.parse::<f64>().ok()? == 0.0).then_some(true)?,
            "itemLocationCountry" => {
                let is_code = value.len() == 2 && value.bytes().all(|byte| byte.is_ascii_uppercase());
                self.country = Some(is_code.then(|| value.to_owned())?);
            }
            "buyingOptions" => self.options = set(value)?,
            "sellers" => self.sellers = set(value)?,
            "excludeSellers" => self.excluded = set(value)?,
            _ => {}
        }
        Some(())
    }

    pub(super) fn fits(&self, listing: &MarketListing) -> bool {
        let option = if listing.auction { "AUCTION" } else { "FIXED_PRICE" };
        let condition = if listing.condition_id == "1000" { "NEW" } else { "USED" };
        let among = |list: &[String], one: &str| list.is_empty() || list.iter().any(|known| known == one);
        let (low, high) = self.price.unwrap_or_default();
        low.is_none_or(|low| low <= listing.price)
            && high.is_none_or(|high| listing.price <= high)
            && among(&self.conditions, condition)
            && among(&self.condition_ids, listing.condition_id)
            && (!self.free || listing.shipping == Some(0))
            && self.country.as_ref().is_none_or(|country| country == listing.country)
            && (if self.options.is_empty() { !listing.auction } else { among(&self.options, option) })
            && among(&self.sellers, &listing.seller)
            && !self.excluded.contains(&listing.seller)
    }
}

/// Names and values; commas in brackets are no ends.
fn pairs(text: &str) -> Vec<(&str, &str)> {
    let (mut depth, mut from, mut parts) = (0_u32, 0, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '[' | '{' => depth += 1,
            ']' | '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    parts.into_iter().filter_map(|part| part.trim().split_once(':')).collect()
}

/// `{A|B}`, or `A` alone.
fn set(text: &str) -> Option<Vec<String>> {
    let inner = text.strip_prefix('{').map_or(Some(text), |rest| rest.strip_suffix('}'))?;
    let words: Vec<String> = inner.split('|').map(|word| word.trim().to_owned()).collect();
    words.iter().all(|word| !word.is_empty()).then_some(words)
}

/// `[10..50]`, `[10..]`, `[..50]` or `[10]` (from 10 up), in cents.
fn range(text: &str) -> Option<(Option<u64>, Option<u64>)> {
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    let (low, high) = inner.split_once("..").unwrap_or((inner, ""));
    let cents = |text: &str| match text.trim() {
        "" => Some(None),
        number => {
            let number: f64 =
                number.parse().ok().filter(|number: &f64| *number >= 0.0 && number.is_finite())?;
            Some(Some((number * 100.0).round() as u64))
        }
    };
    let (low, high) = (cents(low)?, cents(high)?);
    (low.is_some() || high.is_some()).then_some((low, high))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Vec<Value> {
        Filters::read(text, "USD").1.into_iter().map(|warning| warning["errorId"].clone()).collect()
    }

    #[test]
    fn filters_are_taken_apart() {
        let text = "price:[80..120.50],priceCurrency:USD,conditions:{NEW},maxDeliveryCost:0,itemLocationCountry:US,\
                    sellers:{a,b|c}";
        let (filters, warnings) = Filters::read(text, "USD");
        assert!(warnings.is_empty());
        let expected = Filters {
            price: Some((Some(8000), Some(12_050))),
            conditions: vec!["NEW".to_owned()],
            free: true,
            country: Some("US".to_owned()),
            sellers: vec!["a,b".to_owned(), "c".to_owned()],
            ..Filters::default()
        };
        assert_eq!(filters, expected);
        assert_eq!(range("[10]"), Some((Some(1000), None)));
        assert_eq!(range("[..5]"), Some((None, Some(500))));
    }

    #[test]
    fn what_is_wrong_is_told_and_left_out() {
        assert_eq!(ids("price:[1..2]"), [12012]);
        assert_eq!(ids("price:[1..2],priceCurrency:EUR"), [12012]);
        assert_eq!(ids("price:1..2,priceCurrency:USD"), [12002]);
        assert_eq!(
            ids("conditions:{SHINY},maxDeliveryCost:5,itemLocationCountry:usa"),
            [12002, 12002, 12002]
        );
        assert!(ids("colour:{red},deliveryCountry:US,,x").is_empty());
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_strange(text in ".{0,60}") {
            Filters::read(&text, "USD");
        }
    }
}
