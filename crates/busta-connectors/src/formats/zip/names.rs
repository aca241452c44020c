//! Names in archives.

use crate::formats::is_passed_over;

/// The folder in which macOS keeps what other systems do not want to know.
const OF_MACOS: &str = "__MACOSX";

/// Whether a member of this name is passed over, as it would be in a folder.
pub fn is_hidden(name: &str) -> bool {
    let is_hidden = |part: &str| {
        // A path upwards is a name like any other here.
        part != "." && part != ".." && (part == OF_MACOS || is_passed_over(part))
    };
    name.split(['/', '\\']).any(is_hidden)
}
