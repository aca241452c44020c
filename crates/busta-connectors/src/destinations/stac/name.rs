//! Names of files for ids.

use std::fmt::Write as _;

use crate::digest;

/// Longer names are cut and get a digest: file systems end at 255 bytes, and `.json` and the marks of
/// temporary files want their place.
const MAX_NAME: usize = 180;

/// A name for an id: its letters, digits and `.-_` as they are, all other bytes as `~2F`. Different ids
/// have different names, and every name is the same in a path and in a URL, where a percent sign would have
/// to be encoded itself. None is hidden, or one of the tree's own.
pub(super) fn safe(id: &str) -> String {
    let mut name = String::with_capacity(id.len());
    for (at, byte) in id.bytes().enumerate() {
        let plain =
            byte.is_ascii_alphanumeric() || matches!(byte, b'-') || at > 0 && matches!(byte, b'.' | b'_');
        if plain {
            name.push(char::from(byte));
        } else {
            let _ = write!(name, "~{byte:02X}");
        }
    }
    if matches!(&*name, "collection" | "catalog" | "collection.json" | "catalog.json") {
        name.replace_range(..1, "~63");
    }
    if name.len() > MAX_NAME {
        name.truncate(MAX_NAME - 18);
        name.push_str("~~");
        name.push_str(&digest::first(8, id));
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_say_what_they_are() {
        assert_eq!(safe("S2A_36QWD_20200701_0_L2A.v1"), "S2A_36QWD_20200701_0_L2A.v1");
        assert_eq!(safe("a/b c%é"), "a~2Fb~20c~25~C3~A9");
        assert_eq!(safe(".."), "~2E.");
        assert_eq!(safe("_busta"), "~5Fbusta");
        assert_eq!(safe("collection"), "~63ollection");
    }

    proptest! {
        #[test]
        fn different_ids_have_different_names(a: String, b: String) {
            prop_assume!(a != b);
            prop_assert_ne!(safe(&a), safe(&b));
        }

        #[test]
        fn no_name_leaves_its_folder(id: String) {
            let name = safe(&id.repeat(9));
            prop_assert!(name.len() <= MAX_NAME);
            prop_assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b)), "{}", name);
            prop_assert!(!name.starts_with(['.', '_']));
        }
    }
}
