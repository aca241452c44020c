//! Files that hold the checksum of others: `x.zip.CHECKSUM`, `x.zip.sha256`, `SHA256SUMS`.

use std::collections::HashMap;
use std::ops::Range;

use busta_core::{Error, Result};

use super::hash_line::{Function, HashLine, lines};
use crate::download::Checksum;
use crate::http::excerpt;

/// What a side file says, ready to be asked about one file after another: `SHA256SUMS` may be about 100,000.
pub struct Sums {
    text: String,
    /// Where the lines stand that state a checksum, by the last part of the name in them.
    by_name: HashMap<String, Vec<Range<usize>>>,
    /// Where the first hash without a name stands.
    bare: Option<Range<usize>>,
    /// How many lines state a checksum.
    count: usize,
    /// The name in the first line that has one.
    name: Option<String>,
}

impl Sums {
    /// Reads the body of a side file.
    pub fn read(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body).into_owned();
        let (mut by_name, mut bare, mut count, mut first) = (HashMap::<_, Vec<_>>::new(), None, 0, None);
        for (_, line) in lines(&text) {
            let Some(parsed) = HashLine::parse(line) else { continue };
            count += 1;
            let start = line.as_ptr().addr() - text.as_ptr().addr();
            let place = start..start + line.len();
            match &parsed.name {
                Some(name) => {
                    first = first.or_else(|| Some(name.to_string()));
                    by_name.entry(last_part(name).to_owned()).or_default().push(place);
                }
                None => bare = bare.or(Some(place)),
            }
        }
        Self { text, by_name, bare, count, name: first }
    }

    /// The checksum that is stated for the file at `path`.
    ///
    /// A line is about a file if its name ends with the same name: side files name what lies beside them, or
    /// paths on the machine that made them. If several lines are, the one counts that shares the most folders,
    /// and of several functions the strongest. A hash without a name is about the file if it stands alone. The
    /// function is what the line says, or `side_name` (`x.zip.md5`), or what the hash's length tells.
    ///
    /// Errors are of kind `data`: nothing here is about that file, it cannot be computed here, or two
    /// lines differ.
    pub fn checksum(&self, path: &str, side_name: &str) -> Result<Checksum> {
        let about = self.about(path);
        if about.is_empty() {
            return Err(self.nothing(path, side_name));
        }
        let said = function_of(side_name);
        let mut best: Option<Checksum> = None;
        let mut refused = None;
        for line in &about {
            match (line.stated.checksum(said.as_ref()), &best) {
                (Err(why), _) => refused = refused.or(Some(why)),
                (Ok(one), Some(other)) if one.algorithm() == other.algorithm() && one != *other => {
                    return Err(Error::data(format!(
                        "`{side_name}` states both {other} and {one} for `{path}`"
                    ))
                    .hint("look at the checksum file"));
                }
                (Ok(one), Some(other))
                    if one.algorithm().digest_bytes() <= other.algorithm().digest_bytes() => {}
                (Ok(one), _) => best = Some(one),
            }
        }
        best.ok_or_else(|| {
            let why = refused.unwrap_or_default();
            Error::data(format!("the checksum in `{side_name}` {why}"))
                .hint("look at the checksum file, and take another one if there is one")
        })
    }

    /// The lines about a file.
    fn about(&self, path: &str) -> Vec<HashLine<'_>> {
        let at = |place: &Range<usize>| HashLine::parse(&self.text[place.clone()]);
        let named = self.by_name.get(last_part(path)).into_iter().flatten().filter_map(at);
        let shared = |line: &HashLine<'_>| line.name.as_deref().map_or(0, |name| shared_parts(name, path));
        let named: Vec<(usize, HashLine<'_>)> = named.map(|line| (shared(&line), line)).collect();
        match named.iter().map(|(shared, _)| *shared).max() {
            Some(most) if most > 0 => {
                named.into_iter().filter(|(shared, _)| *shared == most).map(|(_, line)| line).collect()
            }
            // A hash without a name says nothing where others stand.
            _ => self.bare.iter().filter(|_| self.count == 1).filter_map(at).collect(),
        }
    }

    fn nothing(&self, path: &str, side_name: &str) -> Error {
        let file = path.rsplit('/').next().unwrap_or(path);
        let body = self.text.as_bytes();
        let message = match (self.count, &self.name) {
            (0, _) if body.trim_ascii().is_empty() => format!("`{side_name}` is empty"),
            (0, _) => format!("`{side_name}` states no checksum; it begins: {}", excerpt(body)),
            (1, Some(other)) => format!("`{side_name}` is about `{other}`, not about `{file}`"),
            (count, Some(_)) => format!("none of the {count} checksums in `{side_name}` is of `{file}`"),
            (count, None) => format!("`{side_name}` states {count} checksums and does not say of what"),
        };
        Error::data(message).hint("look at it; `checksum` of the layout says where checksum files are")
    }
}

fn last_part(path: &str) -> &str {
    parts(path).next().unwrap_or("")
}

/// How many names, counted from the end, two paths share.
fn shared_parts(name: &str, path: &str) -> usize {
    parts(name).zip(parts(path)).take_while(|(a, b)| a == b).count()
}

/// The names in a path, from the end.
fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.rsplit(['/', '\\']).filter(|part| !matches!(*part, "" | "."))
}

/// The function that the name of a side file says: `x.zip.md5`, `SHA256SUMS`, `sha256sums.txt`.
fn function_of(side_name: &str) -> Option<Function> {
    let name = side_name.rsplit('/').next().unwrap_or(side_name);
    let name = [".txt", ".asc"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name);
    Function::of_name(name.rsplit('.').next().unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::download::Algorithm;

    const MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";
    const SHA1: &str = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
    const SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn read(body: &str, side_name: &str) -> Result<String> {
        let body = body.replace("MD5SUM", MD5).replace("SHA1SUM", SHA1).replace("HASH", SHA256);
        Sums::read(body.as_bytes())
            .checksum("data/spot/a.zip", side_name)
            .map(|checksum| checksum.to_string())
    }

    #[test]
    fn checksums_as_repositories_publish_them() {
        let (md5, sha256) = (format!("md5:{MD5}"), format!("sha256:{SHA256}"));
        for (body, side_name, expected) in [
            ("HASH  a.zip\n", "a.zip.CHECKSUM", &sha256),
            ("\u{FEFF}HASH *a.zip\r\n", "a.zip.CHECKSUM", &sha256),
            ("HASH", "a.zip.sha256", &sha256),
            (&SHA256.to_uppercase(), "a.zip.sha256", &sha256),
            ("MD5SUM  /home/ci/out/a.zip", "a.zip.md5", &md5),
            ("SHA256 (a.zip) = HASH", "CHECKSUMS", &sha256),
            ("MD5SUM  a.zip\nHASH  a.zip\n", "CHECKSUMS", &sha256),
            ("HASH  a.zip\nMD5SUM  a.zip\n", "CHECKSUMS", &sha256),
            ("HASH  a.zip\nMD5SUM  a.zip\n", "CHECKSUMS.md5", &md5),
            ("BLAKE2s (a.zip) = HASH\nMD5 (a.zip) = MD5SUM\n", "CHECKSUMS", &md5),
            ("MD5SUM  b.zip\nHASH  a.zip\n", "SHA256SUMS", &sha256),
            ("HASH  a.zip\nHASH  a.zip\n", "SHA256SUMS.txt", &sha256),
            ("SHA1SUM  um/a.zip\nMD5SUM  spot/a.zip\nSHA1SUM  a.zip\n", "SUMS", &md5),
        ] {
            assert_eq!(&read(body, side_name).unwrap(), expected, "{body}");
        }
    }

    #[test]
    fn what_cannot_vouch_for_the_file_says_why() {
        for (body, side_name, why) in [
            ("", "a.zip.CHECKSUM", "is empty"),
            ("<html>404</html>", "a.zip.CHECKSUM", "states no checksum; it begins: <html>404</html>"),
            ("deadbeef  a.zip", "a.zip.CHECKSUM", "states no checksum"),
            ("HASH  b.zip", "a.zip.CHECKSUM", "is about `b.zip`, not about `a.zip`"),
            ("HASH  b.zip\nHASH  c.zip", "SUMS", "none of the 2"),
            ("HASH  xa.zip", "SUMS", "not about `a.zip`"),
            ("HASH\nMD5SUM", "SUMS", "states 2 checksums and does not say of what"),
            ("HASH\nHASH  b.zip", "SUMS", "none of the 2"),
            ("HASH  a.zip\n0HASH  a.zip".replace("0HASH", &"0".repeat(64)).as_str(), "SUMS", "states both"),
            ("MD5SUM  a.zip", "a.zip.sha256", "should be by sha256 and has 32"),
            ("HASH  a.zip", "a.zip.b3", "is by b3, which busta does not compute"),
            (&"0".repeat(96), "a.zip.CHECKSUM", "has 96 hexadecimal digits"),
        ] {
            let error = read(body, side_name).unwrap_err();
            assert!(error.message().contains(why), "{body}: {error}");
            assert!(error.hint_text().is_some());
        }
    }

    /// A line as `sha256sum` writes it.
    fn gnu_line(digits: &str, name: &str) -> String {
        let escaped = name.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
        let mark = if escaped == name { "" } else { "\\" };
        format!("{mark}{digits}  {escaped}\n")
    }

    proptest! {
        #[test]
        fn lines_of_tools_are_read_back(
            digests in proptest::collection::vec(any::<[u8; 32]>(), 1..6),
            name in "[^/\\\\\\s.][^/\\\\]{0,12}[^/\\\\\\s]",
            tag: bool,
            which: prop::sample::Index,
        ) {
            let checksum = |digest: &[u8; 32]| Checksum::new(Algorithm::Sha256, digest.to_vec()).unwrap();
            let mut body = String::new();
            for (at, digest) in digests.iter().enumerate() {
                let (hex, name) = (checksum(digest).hex(), format!("{at}/{name}"));
                match tag && !name.contains(['\n', '\r']) {
                    true => body.push_str(&format!("SHA256 ({name}) = {hex}\n")),
                    false => body.push_str(&gnu_line(&hex, &name)),
                }
            }
            let which = which.index(digests.len());
            let read = Sums::read(body.as_bytes()).checksum(&format!("x/{which}/{name}"), "SUMS").unwrap();
            prop_assert_eq!(read, checksum(&digests[which]));
        }

        #[test]
        fn any_bytes_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..200), side in "\\PC{0,12}") {
            let _ = Sums::read(&body).checksum("a.zip", &side);
        }

        #[test]
        fn any_lines_are_read_or_refused(body in "([0-9a-f]{32}|[0-9a-f]{64}|a.zip|SHA256|[ *()=:\\\\\t\r\n]|\\PC){0,20}") {
            let _ = Sums::read(body.as_bytes()).checksum("a.zip", "a.zip.sha256");
        }
    }
}
