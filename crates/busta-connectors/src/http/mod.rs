//! The one polite HTTP client: limits are reported, secrets stay hidden, answers are bounded.
