//! Files that hold the checksum of others.
