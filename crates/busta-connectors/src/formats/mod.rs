//! File formats that sources and destinations share.
