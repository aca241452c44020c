//! What downloads need to know of a STAC item.

use std::collections::BTreeMap;

use busta_core::{Error, Result};
use chrono::{DateTime, Datelike, FixedOffset};
use serde::Deserialize;
use url::Url;

use super::super::checksum::Checksum;
use super::super::task::Expected;

/// An item, as far as it matters here.
#[derive(Debug, Deserialize)]
pub struct Item {
    /// Its id.
    pub id: String,
    /// Its collection's id.
    #[serde(default)]
    pub collection: Option<String>,
    /// Its assets by key.
    #[serde(default)]
    pub assets: BTreeMap<String, Asset>,
    #[serde(default)]
    links: Vec<Link>,
    #[serde(default)]
    properties: Times,
}

/// One asset.
#[derive(Debug, Deserialize)]
pub struct Asset {
    /// Where it is, perhaps relative to its item.
    pub href: String,
    /// Its media type.
    #[serde(default, rename = "type")]
    pub media_type: Option<String>,
    /// What it is for.
    #[serde(default)]
    pub roles: Vec<String>,
    /// The file extension's size in bytes, <https://github.com/stac-extensions/file>.
    #[serde(default, rename = "file:size")]
    size: Option<u64>,
    /// The file extension's multihash.
    #[serde(default, rename = "file:checksum")]
    checksum: Option<String>,
    /// The same in the extension that came before.
    #[serde(default, rename = "checksum:multihash")]
    old_checksum: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Link {
    rel: String,
    href: String,
}

#[derive(Debug, Default, Deserialize)]
struct Times {
    #[serde(default)]
    datetime: Option<String>,
    #[serde(default)]
    start_datetime: Option<String>,
}

impl Item {
    /// What its relative links start from: its own address on the web, or else that of the page or file it was found
    /// in. (Where its file says that it lies on this machine, it may long have been moved.)
    pub fn base(&self, page: Option<&Url>) -> Option<Url> {
        let own = self.links.iter().find(|link| link.rel == "self");
        let own = own.and_then(|link| match page {
            Some(page) => page.join(&link.href).ok(),
            None => Url::parse(&link.href).ok(),
        });
        own.filter(is_of_web).or_else(|| page.cloned())
    }

    /// Its time, or the beginning of it.
    pub fn time(&self) -> Option<DateTime<FixedOffset>> {
        let times = [&self.properties.datetime, &self.properties.start_datetime];
        times.into_iter().flatten().find_map(|text| DateTime::parse_from_rfc3339(text).ok())
    }

    /// Year, month or day of its time, or `undated`.
    pub fn date_part(&self, name: &str) -> String {
        self.time().map_or_else(
            || "undated".to_owned(),
            |time| match name {
                "year" => format!("{:04}", time.year()),
                "month" => format!("{:02}", time.month()),
                _ => format!("{:02}", time.day()),
            },
        )
    }
}

impl Asset {
    /// What the catalogue says it is.
    pub fn expected(&self) -> Expected {
        let said = self.checksum.as_deref().or(self.old_checksum.as_deref());
        let (checksum, unverifiable) = match said.map(Checksum::from_multihash) {
            None => (None, None),
            Some(Ok(checksum)) => (Some(checksum), None),
            Some(Err(why)) => (None, Some(format!("its `file:checksum` {why}"))),
        };
        Expected { size: self.size, checksum, unverifiable, ..Expected::default() }
    }
}

/// The address on the web that `href` means to an item whose relative links start from `base`.
pub fn address(href: &str, base: Option<&Url>) -> Result<Url> {
    let url = match (Url::parse(href), base) {
        (Err(url::ParseError::RelativeUrlWithoutBase), Some(base)) => base.join(href),
        (Err(url::ParseError::RelativeUrlWithoutBase), None) => {
            return Err(Error::data(format!("`{href}` lies beside its item, which has no address")));
        }
        (url, _) => url,
    };
    let url = url.map_err(|error| Error::data(format!("`{href}` is no URL: {error}")))?;
    let wrong = match url.scheme() {
        "http" | "https" => return Ok(url),
        // Whatever a server sends, it gets no file of ours.
        "file" => Error::data("it is said to lie on this machine, by an item that does not"),
        "s3" => {
            Error::data("cannot be downloaded by `s3`, only by http and https: there is no client for S3 yet")
                .hint(
                    "if the bucket answers on the web, say where: `rewrite: { \"s3://BUCKET/\": \
                 \"https://BUCKET.s3.REGION.amazonaws.com/\" }`; or leave it out with `exclude` or `roles`",
                )
        }
        other => Error::data(format!("cannot be downloaded by `{other}`, only by http and https")).hint(
            "`rewrite` gives its address on the web, if it has one; `exclude` and `roles` leave it out",
        ),
    };
    Err(wrong)
}

fn is_of_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}

/// The last part of a URL's path.
pub fn name(url: &Url) -> &str {
    url.path().trim_end_matches('/').rsplit('/').next().unwrap_or("")
}

/// The ending of a URL's name with its dot, or one that fits the media type, or nothing.
pub fn ending(url: &Url, media_type: Option<&str>) -> String {
    let name = name(url);
    let plain = |ending: &str| {
        (1..=8).contains(&ending.len()) && ending.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    match name.rsplit_once('.') {
        Some((stem, ending)) if plain(ending) && !stem.is_empty() => {
            let packed = matches!(ending, "gz" | "zst" | "bz2" | "xz");
            let inner =
                stem.rsplit_once('.').filter(|(stem, inner)| packed && plain(inner) && !stem.is_empty());
            inner.map_or_else(|| format!(".{ending}"), |(_, inner)| format!(".{inner}.{ending}"))
        }
        _ => media_type.map_or("", of_media_type).to_owned(),
    }
}

fn of_media_type(media_type: &str) -> &'static str {
    match media_type.split(';').next().unwrap_or("").trim() {
        "image/tiff" | "image/vnd.stac.geotiff" => ".tif",
        "image/jp2" => ".jp2",
        "image/jpeg" => ".jpg",
        "image/png" => ".png",
        "image/webp" => ".webp",
        "application/json" => ".json",
        "application/geo+json" => ".geojson",
        "application/xml" | "text/xml" => ".xml",
        "application/x-hdf" | "application/x-hdf5" => ".h5",
        "application/netcdf" | "application/x-netcdf" => ".nc",
        "application/vnd.apache.parquet" | "application/x-parquet" => ".parquet",
        "application/vnd.laszip+copc" => ".copc.laz",
        "application/pdf" => ".pdf",
        "application/zip" => ".zip",
        "text/csv" => ".csv",
        "text/html" => ".html",
        "text/plain" => ".txt",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_come_from_names_or_types() {
        let ending = |text: &str, kind| ending(&Url::parse(text).unwrap(), kind);
        assert_eq!(ending("https://x.example/a/B04.tif?sig=a.b", None), ".tif");
        assert_eq!(ending("https://x.example/a.csv.gz", None), ".csv.gz");
        assert_eq!(ending("https://x.example/a.tar.longer-than-8", Some("image/png")), ".png");
        assert_eq!(ending("https://x.example/v1.2/", Some("image/tiff; application=geotiff")), ".2");
        assert_eq!(ending("https://x.example/thumb", Some("image/jpeg")), ".jpg");
        assert_eq!(ending("https://x.example/.tif", None), "");
        assert_eq!(ending("https://x.example/", None), "");
    }

    #[test]
    fn addresses_are_taken_from_the_item_or_its_page() {
        let item: Item = serde_json::from_str(
            r#"{"id": "a", "links": [{"rel": "self", "href": "./items/a.json"}],
                "assets": {"x": {"href": "../x.tif"}, "s": {"href": "s3://b/x.tif"}, "no": {"href": "http://["}}}"#,
        )
        .unwrap();
        let page = Url::parse("https://x.example/catalog/page.json").unwrap();
        let url = |key: &str, base: Option<Url>| {
            address(&item.assets[key].href, base.as_ref()).map_err(|error| error.to_string())
        };
        let base = item.base(Some(&page));
        assert_eq!(url("x", base.clone()).unwrap().as_str(), "https://x.example/catalog/x.tif");
        assert!(url("s", base.clone()).unwrap_err().contains("no client for S3"));
        assert!(url("no", base).unwrap_err().contains("no URL"));
        assert!(url("x", item.base(None)).unwrap_err().contains("beside its item"));
    }

    #[test]
    fn an_item_of_the_web_has_no_place_on_this_machine() {
        let item = |own: &str| -> Item {
            let text = format!(r#"{{"id": "a", "links": [{{"rel": "self", "href": "{own}"}}]}}"#);
            serde_json::from_str(&text).unwrap()
        };
        let page = Url::parse("https://x.example/items").unwrap();
        for own in ["file:///etc/", "/etc/", "../../etc/"] {
            let base = item(own).base(Some(&page)).unwrap();
            assert_eq!(base.host_str(), Some("x.example"), "{own}");
        }
        assert_eq!(item("file:///etc/").base(None), None);
    }

    #[test]
    fn checksums_that_are_not_known_say_so() {
        let asset: Asset =
            serde_json::from_str(r#"{"href": "x", "file:checksum": "1620e3b0", "file:size": 7}"#).unwrap();
        let expected = asset.expected();
        assert_eq!((expected.size, expected.checksum), (Some(7), None));
        assert!(expected.unverifiable.unwrap().contains("0x16"));
    }
}
