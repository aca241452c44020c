//! What is to be downloaded: the payload of a download's split.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use super::checksum::{Algorithm, Checksum};

/// One object and its file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Where it is.
    pub url: Url,
    /// Its file below the folder, with `/` between the names.
    pub path: String,
    /// What it is said to be.
    #[serde(default)]
    pub expected: Expected,
    /// Fields that its record begins with, such as the item it belongs to.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub about: Map<String, Value>,
}

/// What a catalogue, a listing or a side file says about an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Expected {
    /// How many bytes it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Its checksum. What does not have it is never accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checksum: Option<Checksum>,
    /// The checksum is the MD5 that an ETag is which a listing gave. The object that comes may have another by now.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_etag: bool,
    /// Its ETag, where a listing gives one: an object that still has it is not asked for again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// Why there is no checksum although something was said about one; or none but this, which does not make the
    /// object verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unverifiable: Option<String>,
}

impl Expected {
    /// Takes the word of the answer, if its ETag tells that the object is not the one that was listed.
    pub fn heed(&mut self, etag: Option<&str>) {
        let Some(etag) = etag.filter(|_| self.is_etag) else { return };
        let plain = etag.trim_start_matches("W/").trim_matches('"');
        let own = Checksum::from_hex(Algorithm::Md5, plain);
        // Of what was put together from parts, S3 says the MD5 of their MD5s, and how many they are.
        let parts = plain.split_once('-').and_then(|(hash, _)| Checksum::from_hex(Algorithm::Md5, hash));
        if own == self.checksum || (own.is_none() && parts.is_none()) {
            return;
        }
        if own.is_none() && self.unverifiable.is_none() {
            let why = format!("it has changed since it was listed, and its ETag {plain} is no MD5");
            self.unverifiable = Some(why);
        }
        (self.checksum, self.size) = (own, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "d41d8cd98f00b204e9800998ecf8427e";
    const NEW: &str = "900150983cd24fb0d6963f7d28e17f72";

    #[test]
    fn what_has_changed_since_it_was_listed_is_what_its_own_tag_says() {
        let md5 = |digits| Checksum::from_hex(Algorithm::Md5, digits);
        let listed = Expected { size: Some(9), checksum: md5(OLD), is_etag: true, ..Expected::default() };
        let heed = |etag: Option<&str>| {
            let mut expected = listed.clone();
            expected.heed(etag);
            expected
        };
        for same in
            [None, Some(format!("\"{OLD}\"")), Some(format!("W/\"{OLD}\"")), Some("\"v1\"".to_owned())]
        {
            assert_eq!(heed(same.as_deref()), listed, "{same:?}");
        }
        let changed = heed(Some(&format!("\"{NEW}\"")));
        assert_eq!((changed.checksum, changed.size, changed.unverifiable), (md5(NEW), None, None));
        let in_parts = heed(Some(&format!("\"{NEW}-2\"")));
        assert!(in_parts.checksum.is_none() && in_parts.unverifiable.is_some());
        let mut vouched = Expected { is_etag: false, ..listed.clone() };
        vouched.heed(Some(NEW));
        assert_eq!(vouched.checksum, md5(OLD), "what a checksum file says holds");
    }
}
