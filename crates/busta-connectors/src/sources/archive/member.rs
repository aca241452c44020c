//! What the names of an archive's members say: `{symbol}_{interval}.csv`.
//!
//! Some repositories publish one archive with a member for each series. The path says nothing of these then, and the
//! members' names say it in the same language of patterns.

use std::collections::BTreeMap;

use super::config::ArchiveConfig;
use super::layout::Table;
use super::path::PathPattern;
use super::wanted::Wanted;

/// What the name of a member says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The values in it.
    pub values: BTreeMap<String, String>,
    /// Whether they are asked for.
    pub wanted: bool,
}

/// Reads the pattern of members. The error is a clause for the operator.
pub fn pattern(text: &str) -> Result<PathPattern, String> {
    let pattern = PathPattern::parse(text)?;
    match pattern.grain() {
        None => Ok(pattern),
        Some(_) => Err("says a time: members take values only".to_owned()),
    }
}

/// What a member's name says, if it is one of the pattern. `of_file` is what the path of its archive says.
pub fn said(
    pattern: &PathPattern,
    wanted: &Wanted,
    of_file: &BTreeMap<String, String>,
    name: &str,
) -> Option<Said> {
    let has_folders = pattern.to_string().contains('/');
    let name = if has_folders { name } else { name.rsplit('/').next().unwrap_or(name) };
    let values = pattern.with(|name| of_file.get(name).cloned()).matches(name)?.values;
    Some(Said { wanted: wanted.has_values(&values), values })
}

/// The table, with what the keys choose of its members.
pub fn chosen(mut table: Table, pattern: Option<&PathPattern>, config: &ArchiveConfig) -> Table {
    for name in pattern.into_iter().flat_map(PathPattern::values) {
        let texts = match name {
            "symbol" => Some(&config.symbols.0),
            "interval" => Some(&config.intervals.0),
            _ => config.values.get(name).map(|values| &values.0),
        };
        if let Some(texts) = texts.filter(|texts| !texts.is_empty()) {
            table.chosen.insert(name.to_owned(), texts.clone());
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::super::wanted::Values;
    use super::*;
    use crate::sources::api::problems::Problems;

    #[test]
    fn names_of_members_say_what_they_hold() {
        let mut problems = Problems::default();
        let symbols = Values::new("symbols", &["XBT*".to_owned()], &mut problems);
        let values = BTreeMap::from([("symbol".to_owned(), symbols)]);
        let wanted = Wanted::new(values, (None, None), (&[], &[]), &mut problems);
        assert_eq!(problems.finish(), []);
        let (kraken, none) = (pattern("{symbol}_{interval}.csv").unwrap(), BTreeMap::new());
        let bitcoin = said(&kraken, &wanted, &none, "Kraken/XBTUSD_1440.csv").unwrap();
        assert!(bitcoin.wanted);
        let pairs: Vec<(&str, &str)> =
            bitcoin.values.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(pairs, [("interval", "1440"), ("symbol", "XBTUSD")]);
        assert!(!said(&kraken, &wanted, &none, "ETHUSD_1.csv").unwrap().wanted);
        assert_eq!(said(&kraken, &wanted, &none, "README.txt"), None);
        // What the path of the archive says is the same in its members.
        let hourly = BTreeMap::from([("interval".to_owned(), "60".to_owned())]);
        assert!(said(&kraken, &wanted, &hourly, "XBTUSD_60.csv").is_some());
        assert_eq!(said(&kraken, &wanted, &hourly, "XBTUSD_1.csv"), None);
        let folders = pattern("{symbol}/{interval}.csv").unwrap();
        assert!(said(&folders, &wanted, &none, "XBTUSD/1.csv").is_some());
        assert_eq!(said(&folders, &wanted, &none, "all/XBTUSD/1.csv"), None);
        assert!(pattern("{symbol}-{date}.csv").is_err() && pattern("{symbol").is_err());
    }
}
