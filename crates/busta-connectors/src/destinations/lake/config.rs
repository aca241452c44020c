//! What the configurations of lakes are checked for alike.

use std::path::Path;

use busta_core::connector::ConfigProblem;
use busta_core::units::ByteSize;

/// What is wrong with the folder of a lake; `example` is a good one.
pub(in crate::destinations) fn path_problem(path: &Path, example: &str) -> Option<ConfigProblem> {
    let message = format!("is empty: expected a folder, such as `{example}`");
    path.as_os_str().is_empty().then(|| ConfigProblem::new("path", message))
}

/// What is wrong with the size of its files; `usual` is the default.
pub(in crate::destinations) fn file_size_problem(size: ByteSize, usual: ByteSize) -> Option<ConfigProblem> {
    (size.0 == 0)
        .then(|| ConfigProblem::new("file_size", format!("is zero: expected a size, such as {usual}")))
}
