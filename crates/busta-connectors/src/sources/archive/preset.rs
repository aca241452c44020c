//! The layouts that come with busta.
