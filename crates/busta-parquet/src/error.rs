//! Errors of the Parquet library in busta's words.

use arrow_schema::ArrowError;
use busta_core::Error;
use parquet::errors::ParquetError;

/// An error while a file was read. What cannot be made sense of is damage, since whether the file
/// asks for something that we do not have is looked at when it is opened.
pub(crate) fn reading(error: ParquetError) -> Error {
    match error {
        ParquetError::NYI(what) => Error::data(format!("this kind of Parquet cannot be read: {what}")),
        ParquetError::ArrowError(what) => damaged(&what),
        ParquetError::External(cause) => match cause.downcast_ref::<std::io::Error>() {
            // Decoders speak of damage in errors of this type too, but these never come from the system.
            Some(error) if error.raw_os_error().is_some() => {
                Error::unavailable(format!("the file cannot be read: {error}")).caused_by(cause)
            }
            _ => damaged(&cause.to_string()),
        },
        ParquetError::General(what) | ParquetError::EOF(what) => damaged(&what),
        other => damaged(&other.to_string()),
    }
}

/// An error while columns were decoded.
pub(crate) fn decoding(error: &ArrowError) -> Error {
    damaged(&error.to_string())
}

/// An error while a file was written. Only the sink can fail by itself.
pub(crate) fn writing(error: ParquetError) -> Error {
    match error {
        ParquetError::External(cause) => {
            Error::unavailable(format!("the Parquet file cannot be written: {cause}")).caused_by(cause)
        }
        other => Error::bug(format!("the Parquet file cannot be written: {other}")),
    }
}

fn damaged(what: &str) -> Error {
    Error::corrupt(format!("the Parquet file is damaged: {}", what.trim()))
        .hint("fetch or write the file again")
}
