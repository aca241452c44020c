//! URLs as they may be shown.

use busta_core::secret;
use url::Url;

/// `url` as [`secret::shown_url`] shows it.
pub fn shown_url(url: &Url) -> String {
    secret::shown_url(url.as_str())
}
