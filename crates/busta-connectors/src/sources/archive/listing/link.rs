//! Where links lead, seen from the page or the address that they start at.

use percent_encoding::percent_decode_str;
use url::Url;

/// A place that links start at, and what lies below it.
#[derive(Debug)]
pub(super) struct Base {
    url: Url,
    /// The path of the folder, with `/` at its end, percent-encoded.
    folder: String,
}

/// What a link leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// The path below the base, or below the root of another host; nothing in it is percent-encoded.
    pub key: String,
    /// The address, without a fragment.
    pub url: Url,
    /// Whether it lies below the base.
    pub is_below: bool,
}

impl Base {
    /// Links start at the page; what lies below is what lies in its folder.
    pub(super) fn new(page: &Url) -> Self {
        let path = page.path();
        let folder = path[..=path.rfind('/').unwrap_or(0)].to_owned();
        Self { url: page.clone(), folder: if folder.is_empty() { "/".to_owned() } else { folder } }
    }

    /// Lets links start elsewhere, as `<base href>` does.
    pub(super) fn start_at(&mut self, href: &str) {
        if let Ok(url) = self.url.join(href) {
            self.url = url;
        }
    }

    /// Where a link leads; `None` if it is no address of a web server or names nothing there.
    pub(super) fn target(&self, href: &str) -> Option<Target> {
        let mut url =
            self.url.join(href.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
        url.set_fragment(None);
        let is_here = url.origin() == self.url.origin();
        let below = url.path().strip_prefix(self.folder.as_str()).filter(|_| is_here);
        let is_below = below.is_some();
        let key = decoded(below.unwrap_or_else(|| url.path().trim_start_matches('/')));
        (!key.is_empty()).then_some(Target { key, url, is_below })
    }

    /// The target of a path in which nothing is percent-encoded, and that begins with `/`.
    pub(super) fn of_root(&self, path: &str) -> Option<Target> {
        let mut url = self.url.clone();
        url.set_query(None);
        url.set_path(&path.replace('%', "%25"));
        self.target(url.as_str())
    }
}

/// A path with its percent-encoding taken off, name by name. A name stays as it is where that would make it
/// another path, or no text.
fn decoded(path: &str) -> String {
    let name = |name: &str| match percent_decode_str(name).decode_utf8() {
        Ok(plain) if !plain.contains(['/', '\0']) && !matches!(&*plain, "." | "..") => plain.into_owned(),
        _ => name.to_owned(),
    };
    path.split('/').map(name).collect::<Vec<_>>().join("/")
}

/// Whether a path names something below where it starts: no empty name, `.` or `..` in it. A `/` at its end is a
/// folder's.
pub(super) fn is_relative(path: &str) -> bool {
    let path = path.strip_suffix('/').unwrap_or(path);
    !path.contains('\0') && path.split('/').all(|name| !matches!(name, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(page: &str, href: &str) -> Option<(String, bool)> {
        let base = Base::new(&page.parse().unwrap());
        base.target(href).map(|target| (target.key, target.is_below))
    }

    #[test]
    fn links_lead_below_their_page_or_elsewhere() {
        for page in ["http://h/data/", "http://h/data/index.html", "http://h:80/data/?C=M"] {
            for (href, key, is_below) in [
                ("a.zip", "a.zip", true),
                ("./a.zip#x", "a.zip", true),
                ("/data/a%20b/c.zip", "a b/c.zip", true),
                ("http://h/data/sub/", "sub/", true),
                ("//h/data/%C3%A9", "é", true),
                ("%E9%2f%2e%2e%2fx", "%E9%2f%2e%2e%2fx", true),
                ("../a.zip", "a.zip", false),
                ("/a.zip", "a.zip", false),
                ("https://h/data/a.zip", "data/a.zip", false),
                ("http://other/data/a.zip", "data/a.zip", false),
            ] {
                assert_eq!(target(page, href), Some((key.to_owned(), is_below)), "{page} {href}");
            }
            for href in
                ["./", "", "?C=N;O=D", "#top", "mailto:a@b", "javascript:x()", "http://[", "ftp://h/data/a"]
            {
                let other = matches!(target(page, href), Some((_, true)));
                assert!(!other || page.ends_with("html"), "{page} {href}");
            }
        }
    }

    #[test]
    fn paths_from_the_root_are_encoded() {
        let base = Base::new(&"http://h/data/".parse().unwrap());
        let target = base.of_root("/data/a%20?#ü").unwrap();
        assert_eq!((&*target.key, target.url.as_str()), ("a%20?#ü", "http://h/data/a%2520%3F%23%C3%BC"));
    }
}
