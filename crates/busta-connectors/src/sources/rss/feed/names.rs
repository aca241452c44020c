//! What the names of elements mean, over all formats and extensions.

/// What an element says about a feed or an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// It holds entries: `rss`, `rdf:RDF`, `channel`, `feed`.
    Container,
    /// `item`, `entry`.
    Entry,
    Title,
    Link,
    Id,
    Summary,
    Content,
    /// An entry's text in the markup of the document itself: `xhtml:body`.
    Body,
    Author,
    Contributor,
    Name,
    Email,
    Uri,
    Published,
    Updated,
    Created,
    Category,
    /// Categories in one text, with commas between them.
    Keywords,
    Enclosure,
    Comments,
    Source,
    Image,
    Language,
    Ttl,
    Rights,
    Subtitle,
    Duration,
    Explicit,
    Episode,
    Season,
    MediaGroup,
    MediaContent,
    MediaThumbnail,
    /// Anything else.
    Unknown,
}

impl Field {
    /// Whether an element of this meaning stands directly in an entry or a feed, so that one inside an
    /// unclosed element tells that the end tag was forgotten.
    pub(super) fn stands_alone(self) -> bool {
        !matches!(
            self,
            Self::Name | Self::Email | Self::Uri | Self::Unknown | Self::Body | Self::Image | Self::Source
        )
    }
}

/// A vocabulary that elements come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Space {
    /// RSS of all versions, Atom, CDF: they mean the same by the same names.
    Core,
    Content,
    Dublin,
    DublinTerms,
    Itunes,
    Media,
    Rdf,
    Xhtml,
    /// Any other.
    Other,
}

/// The rank of a feed's own words.
pub(super) const OWN: u8 = 3;

/// How well an element's vocabulary fits: a feed's own words go before those of an extension.
pub(super) fn rank(space: Space) -> u8 {
    match space {
        Space::Core | Space::Content | Space::Rdf => OWN,
        Space::Dublin | Space::DublinTerms | Space::Xhtml => 2,
        Space::Itunes => 1,
        Space::Media | Space::Other => 0,
    }
}

/// The vocabulary of a namespace, by its name; `None` if it is not known.
pub(super) fn space_of(uri: &str) -> Option<Space> {
    let uri = uri.trim().trim_end_matches(['/', '#']).to_ascii_lowercase();
    if uri.contains("backend.userland.com/rss") {
        return Some(Space::Core);
    }
    Some(match uri.as_str() {
        ""
        | "http://blogs.law.harvard.edu/tech/rss"
        | "http://purl.org/rss/1.0"
        | "http://my.netscape.com/rdf/simple/0.9"
        | "http://channel.netscape.com/rdf/simple/0.9"
        | "http://purl.org/echo"
        | "http://purl.org/pie"
        | "http://purl.org/atom/ns"
        | "http://www.w3.org/2005/atom"
        | "http://purl.org/rss/1.0/modules/rss091"
        | "http://example.com/newformat"
        | "http://example.com/necho"
        | "uri/of/echo/namespace" => Space::Core,
        "http://purl.org/rss/1.0/modules/content" => Space::Content,
        "http://purl.org/dc/elements/1.1" => Space::Dublin,
        "http://purl.org/dc/terms" => Space::DublinTerms,
        "http://www.itunes.com/dtds/podcast-1.0.dtd" | "http://example.com/dtds/podcast-1.0.dtd" => {
            Space::Itunes
        }
        "http://search.yahoo.com/mrss" => Space::Media,
        "http://www.w3.org/1999/02/22-rdf-syntax-ns" => Space::Rdf,
        "http://www.w3.org/1999/xhtml" => Space::Xhtml,
        _ => return None,
    })
}

/// The vocabulary that a prefix stands for where nothing declares it, which is a common mistake.
pub(super) fn space_of_prefix(prefix: &str) -> Space {
    match prefix.to_ascii_lowercase().as_str() {
        "" | "rss" | "atom" | "a10" => Space::Core,
        "content" => Space::Content,
        "dc" => Space::Dublin,
        "dcterms" => Space::DublinTerms,
        "itunes" => Space::Itunes,
        "media" => Space::Media,
        "rdf" => Space::Rdf,
        "xhtml" => Space::Xhtml,
        _ => Space::Other,
    }
}

/// Longer names mean nothing here.
const MAX_NAME: usize = 20;

/// What an element says, by its vocabulary and its name, upper and lower case alike.
pub(super) fn field_of(space: Space, name: &str) -> Field {
    let mut buffer = [0; MAX_NAME];
    let Some(lower) = buffer.get_mut(..name.len()) else { return Field::Unknown };
    lower.copy_from_slice(name.as_bytes());
    lower.make_ascii_lowercase();
    match space {
        Space::Core => core(lower),
        Space::Content if lower == b"encoded" => Field::Content,
        Space::Dublin => dublin(lower),
        Space::DublinTerms => dublin_terms(lower),
        Space::Itunes => itunes(lower),
        Space::Media => media(lower),
        Space::Rdf if lower == b"rdf" => Field::Container,
        Space::Xhtml if lower == b"body" => Field::Body,
        _ => Field::Unknown,
    }
}

fn core(name: &[u8]) -> Field {
    match name {
        b"rss" | b"feed" | b"channel" | b"items" => Field::Container,
        b"item" | b"entry" => Field::Entry,
        b"title" => Field::Title,
        b"link" => Field::Link,
        b"guid" | b"id" => Field::Id,
        b"description" | b"summary" | b"abstract" => Field::Summary,
        b"content" | b"fullitem" => Field::Content,
        b"body" => Field::Body,
        b"author" | b"managingeditor" => Field::Author,
        b"contributor" => Field::Contributor,
        b"name" => Field::Name,
        b"email" => Field::Email,
        b"url" | b"uri" | b"homepage" => Field::Uri,
        b"pubdate" | b"published" | b"issued" => Field::Published,
        b"updated" | b"modified" | b"lastbuilddate" => Field::Updated,
        b"created" => Field::Created,
        b"category" => Field::Category,
        b"keywords" | b"tags" => Field::Keywords,
        b"enclosure" => Field::Enclosure,
        b"comments" => Field::Comments,
        b"source" => Field::Source,
        b"image" | b"logo" | b"icon" => Field::Image,
        b"language" => Field::Language,
        b"ttl" => Field::Ttl,
        b"rights" | b"copyright" => Field::Rights,
        b"subtitle" | b"tagline" => Field::Subtitle,
        _ => Field::Unknown,
    }
}

fn dublin(name: &[u8]) -> Field {
    match name {
        b"title" => Field::Title,
        b"creator" | b"author" => Field::Author,
        b"contributor" => Field::Contributor,
        b"date" => Field::Updated,
        b"description" => Field::Summary,
        b"language" => Field::Language,
        b"rights" => Field::Rights,
        b"subject" => Field::Category,
        _ => Field::Unknown,
    }
}

fn dublin_terms(name: &[u8]) -> Field {
    match name {
        b"issued" => Field::Published,
        b"modified" => Field::Updated,
        b"created" => Field::Created,
        other => dublin(other),
    }
}

fn itunes(name: &[u8]) -> Field {
    match name {
        b"title" => Field::Title,
        b"author" => Field::Author,
        b"summary" => Field::Summary,
        b"subtitle" => Field::Subtitle,
        b"keywords" => Field::Keywords,
        b"category" => Field::Category,
        b"image" | b"link" => Field::Image,
        b"duration" => Field::Duration,
        b"explicit" => Field::Explicit,
        b"episode" => Field::Episode,
        b"season" => Field::Season,
        _ => Field::Unknown,
    }
}

fn media(name: &[u8]) -> Field {
    match name {
        b"title" => Field::Title,
        b"description" => Field::Summary,
        b"keywords" => Field::Keywords,
        b"category" => Field::Category,
        b"group" => Field::MediaGroup,
        b"content" => Field::MediaContent,
        b"thumbnail" => Field::MediaThumbnail,
        _ => Field::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_mean_what_their_vocabulary_says() {
        assert_eq!(field_of(Space::Core, "pubDate"), Field::Published);
        assert_eq!(field_of(Space::Dublin, "creator"), Field::Author);
        assert_eq!(field_of(Space::Content, "encoded"), Field::Content);
        assert_eq!(field_of(Space::Core, "encoded"), Field::Unknown);
        assert_eq!(field_of(Space::Other, "title"), Field::Unknown);
        assert_eq!(field_of(Space::Core, "aVeryLongNameThatNobodyUses"), Field::Unknown);
    }

    #[test]
    fn namespaces_are_known_in_all_their_spellings() {
        assert_eq!(space_of("http://search.yahoo.com/mrss/"), Some(Space::Media));
        assert_eq!(space_of("http://search.yahoo.com/mrss"), Some(Space::Media));
        assert_eq!(space_of("http://www.w3.org/2005/Atom"), Some(Space::Core));
        assert_eq!(space_of("http://example.com/else"), None);
    }
}
