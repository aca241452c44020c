//! From a file on the disk to records.
