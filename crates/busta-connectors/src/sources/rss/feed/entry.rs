//! What is stored of an entry, whatever the format of its feed.

use std::borrow::Cow;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::date;
use crate::digest::hex;

/// One entry of a feed. Fields that it does not have are left out of its record.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Entry {
    /// What the feed calls it (`guid`, `id`, `rdf:about`), else its link, else a digest of its title,
    /// text and date: the same whenever it is read.
    pub id: String,
    /// The page that it stands for, as an absolute address where that can be known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Plain text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// A second, short title (podcasts).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subtitle: Option<String>,
    /// The description as it is given, mostly HTML. It is not sanitized.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// The media type of the summary, where the feed says that it is not HTML.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary_type: Option<String>,
    /// The whole text as it is given, mostly HTML. It is not sanitized.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// The media type of the content, where the feed says that it is not HTML.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// The authors' names (or addresses, where there are no names), with commas between them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Who wrote it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authors: Vec<Person>,
    /// Who else took part.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contributors: Vec<Person>,
    /// Categories, tags, keywords.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    /// When it was published, RFC 3339 in UTC; when it was updated, if nothing else is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<String>,
    /// That date as it is given, if it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published_raw: Option<String>,
    /// When it was last updated, RFC 3339 in UTC; when it was published, if nothing else is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated: Option<String>,
    /// That date as it is given, if it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_raw: Option<String>,
    /// Its language, or its feed's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Files that belong to it: RSS enclosures, Atom enclosure links, Media RSS contents, attachments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub enclosures: Vec<Enclosure>,
    /// The page with its comments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comments: Option<String>,
    /// Its picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The feed that it was taken over from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Origin>,
    /// Who holds the rights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rights: Option<String>,
    /// Links of other relations than to its page and its files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
    /// How long it plays, as it is given (podcasts).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<String>,
    /// Whether it is for adults, as it is given (podcasts).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explicit: Option<String>,
    /// Its number in the season (podcasts).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub episode: Option<String>,
    /// The number of its season (podcasts).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub season: Option<String>,
}

/// Somebody.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Person {
    /// The name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The home page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// A file that belongs to an entry.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Enclosure {
    /// Where it is.
    pub url: String,
    /// Its media type.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its size in bytes, as it is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// Its title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// The feed that an entry was taken over from.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Origin {
    /// Its title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// A link with its relation.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Link {
    /// What the link is to the entry: `via`, `related`, `self`.
    pub rel: String,
    /// Where it leads.
    pub href: String,
    /// The media type there.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// The dates of an entry as they are given.
#[derive(Clone, Debug, Default)]
pub(super) struct Dates {
    pub(super) published: Option<String>,
    pub(super) updated: Option<String>,
    pub(super) created: Option<String>,
}

impl Entry {
    /// Fills in what follows from the rest, last of all the id. `None` if the entry says nothing.
    pub(super) fn complete(mut self, dates: &Dates) -> Option<Self> {
        self.date(dates);
        if self.author.is_none() {
            let named =
                self.authors.iter().filter_map(|person| person.name.as_deref().or(person.email.as_deref()));
            let names = named.collect::<Vec<_>>().join(", ");
            self.author = (!names.is_empty()).then_some(names);
        }
        if self.id.is_empty() {
            self.id = self.own_id(dates)?;
        }
        Some(self)
    }

    fn date(&mut self, dates: &Dates) {
        let read = |raw: &Option<String>| raw.as_deref().and_then(date::parse).map(date::shown);
        self.published = read(&dates.published).or_else(|| read(&dates.created));
        self.updated = read(&dates.updated);
        if self.published.is_none() {
            self.published_raw.clone_from(&dates.published);
        }
        if self.updated.is_none() {
            self.updated_raw.clone_from(&dates.updated);
        }
        match (&self.published, &self.updated) {
            (Some(_), None) => self.updated.clone_from(&self.published),
            (None, Some(_)) => self.published.clone_from(&self.updated),
            _ => {}
        }
    }

    /// The link, else the first 32 hex digits of a SHA-256 over title, text, date and file as they are
    /// given, or over everything if it has none of these.
    fn own_id(&self, dates: &Dates) -> Option<String> {
        if let Some(link) = &self.link {
            return Some(link.clone());
        }
        let file = self.enclosures.first().map(|enclosure| &enclosure.url);
        let text = self.content.as_ref().or(self.summary.as_ref());
        let date = dates.published.as_ref().or(dates.updated.as_ref()).or(dates.created.as_ref());
        let parts = [self.title.as_ref(), text, date, file];
        let mut hash = Sha256::new();
        if parts.iter().all(Option::is_none) {
            let bare = Self { language: None, ..self.clone() };
            if bare == Self::default() {
                return None;
            }
            hash.update(serde_json::to_vec(&bare).ok()?);
        }
        for part in parts {
            let part = part.map_or("", String::as_str);
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Some(format!("sha256:{}", hex(&hash.finalize()[..16])))
    }
}

impl Person {
    /// Reads `name (email)`, `email (name)`, `name <email>`, a name or an address.
    pub(super) fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let email = text
            .split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '<' | '>' | ',' | '"' | ';'))
            .map(|word| word.strip_prefix("mailto:").unwrap_or(word))
            .find(|word| is_email(word));
        let name = match email {
            Some(email) => Cow::Owned(text.replace(email, "").replace("mailto:", "")),
            None => Cow::Borrowed(text),
        };
        let name = name.replace("()", "").replace("<>", "");
        let name = name.trim();
        let inside = email.and_then(|_| name.strip_prefix('(').and_then(|name| name.strip_suffix(')')));
        let name = inside.unwrap_or(name).trim();
        let person = Self {
            name: (!name.is_empty()).then(|| name.to_owned()),
            email: email.map(str::to_owned),
            url: None,
        };
        (person != Self::default()).then_some(person)
    }
}

fn is_email(word: &str) -> bool {
    let Some((name, host)) = word.split_once('@') else { return false };
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '+');
    !name.is_empty() && host.contains('.') && !host.ends_with('.') && word.replace('@', "").chars().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_read_in_every_order() {
        let both = Person { name: Some("Jo Doe".into()), email: Some("jo@example.com".into()), url: None };
        for text in ["jo@example.com (Jo Doe)", "Jo Doe (jo@example.com)", "Jo Doe <jo@example.com>"] {
            assert_eq!(Person::read(text), Some(both.clone()), "{text}");
        }
        assert_eq!(Person::read("Jo (the one)").unwrap().name.as_deref(), Some("Jo (the one)"));
        assert_eq!(Person::read("jo@example.com").unwrap().name, None);
        assert_eq!(Person::read(" "), None);
    }

    #[test]
    fn an_id_is_given_by_link_else_by_what_is_said() {
        let dates = Dates { published: Some("yesterday".into()), ..Dates::default() };
        let untitled = Entry { title: Some("a".into()), ..Entry::default() };
        let first = untitled.clone().complete(&dates).unwrap();
        let again = untitled.clone().complete(&dates).unwrap();
        assert_eq!(first.id, again.id);
        assert!(first.id.starts_with("sha256:"));
        assert_ne!(first.id, untitled.complete(&Dates::default()).unwrap().id);
        let linked = Entry { link: Some("http://a.example/1".into()), ..Entry::default() };
        assert_eq!(linked.complete(&dates).unwrap().id, "http://a.example/1");
        assert_eq!(Entry::default().complete(&Dates::default()), None);
    }

    #[test]
    fn dates_that_cannot_be_read_are_kept_as_they_are() {
        let dates =
            Dates { published: Some("some day".into()), updated: Some("2024-01-02".into()), created: None };
        let entry = Entry { id: "a".into(), ..Entry::default() }.complete(&dates).unwrap();
        assert_eq!(entry.published_raw.as_deref(), Some("some day"));
        assert_eq!(entry.updated.as_deref(), Some("2024-01-02T00:00:00Z"));
        assert_eq!(entry.published, entry.updated);
        assert_eq!(entry.updated_raw, None);
    }
}
