//! Killed at every failpoint.
