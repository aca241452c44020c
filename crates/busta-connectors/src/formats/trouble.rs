//! What it means when a file cannot be read.

use std::io;

use busta_core::{Error, ErrorKind};

/// An error of the system or a decoder, in our words.
///
/// Only where it is the machine and not the file (too many open files, a network file system that
/// does not answer) is it worth another try, and then for all files alike.
pub fn unreadable(error: &io::Error) -> Error {
    /// ENFILE, EMFILE and ESTALE of Linux.
    const OF_THE_MACHINE: [i32; 3] = [23, 24, 116];
    let kind = match error.kind() {
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        io::ErrorKind::PermissionDenied => ErrorKind::Auth,
        io::ErrorKind::TimedOut => ErrorKind::Unavailable,
        _ if error.raw_os_error().is_some_and(|code| OF_THE_MACHINE.contains(&code)) => {
            ErrorKind::Unavailable
        }
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
            ErrorKind::Corrupt
        }
        _ => ErrorKind::Data,
    };
    let hint = match kind {
        ErrorKind::Auth => "give this user the right to read it",
        ErrorKind::Corrupt => "its compression is broken or not what `compression` says",
        ErrorKind::NotFound => "it was there when the run was planned",
        _ => "see what is wrong with the file or its disk",
    };
    Error::new(kind, format!("the file cannot be read: {error}")).hint(hint)
}
