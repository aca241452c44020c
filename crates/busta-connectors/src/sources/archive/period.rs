//! Days and months, and which of them cover a stretch of time.
