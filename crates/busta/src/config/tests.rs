//! What people get to see when a configuration is wrong.
