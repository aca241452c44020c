//! Index pages as web servers make them of folders.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde_json::json;

use crate::body::Content;
use crate::reply::{JSON, Reply};

use super::s3::{encoded, escaped};
use super::store::{Listed, Store};
use super::world::Index;

const HTML: &str = "text/html; charset=utf-8";

/// What is in a folder.
struct Line<'a> {
    /// With a slash at its end if it is a folder.
    name: &'a str,
    file: Option<Listed<'a>>,
}

impl Line<'_> {
    fn time(&self, format: &str) -> Option<String> {
        self.file.as_ref().map(|file| DateTime::<Utc>::from(file.modified).format(format).to_string())
    }
}

/// The index page of a folder, whose path is empty or ends with a slash; none if there is nothing in it. `base` is
/// the path of the repository.
pub(super) fn page(store: &Store<'_>, style: Index, base: &str, folder: &str) -> Option<Reply> {
    let entries = store.site.tree.under(folder);
    let mut lines: Vec<Line<'_>> = Vec::new();
    let mut at = 0;
    while let Some((path, entry)) = entries.get(at) {
        let rest = &path[folder.len()..];
        match rest.find('/') {
            Some(end) => {
                let name = &rest[..=end];
                at += entries[at..].partition_point(|(path, _)| path[folder.len()..].starts_with(name));
                lines.push(Line { name, file: None });
            }
            None => {
                at += 1;
                lines.push(Line { name: rest, file: store.listed(path, entry) });
            }
        }
    }
    if lines.is_empty() {
        return None;
    }
    // Folders first, as these servers have them.
    lines.sort_by_key(|line| line.file.is_some());
    Some(match style {
        Index::NginxJson => Reply::ok(JSON, Content::whole(nginx_json(&lines))),
        Index::Apache => Reply::ok(HTML, Content::whole(apache(base, folder, &lines))),
        Index::ApacheTable => Reply::ok(HTML, Content::whole(apache_table(base, folder, &lines))),
        Index::Nginx => Reply::ok(HTML, Content::whole(nginx(folder, &lines))),
        Index::Python => Reply::ok(HTML, Content::whole(python(folder, &lines))),
    })
}

/// `FancyIndexing`: names that are too long are cut in what is shown, and sizes are rounded.
fn apache(base: &str, folder: &str, lines: &[Line<'_>]) -> String {
    let mut html = format!(
        "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 3.2 Final//EN\">\n<html>\n <head>\n  <title>Index of /{0}</title>\n\
         </head>\n <body>\n<h1>Index of /{0}</h1>\n<pre><img src=\"/icons/blank.gif\" alt=\"Icon \"> \
         <a href=\"?C=N;O=D\">Name</a>                    <a href=\"?C=M;O=A\">Last modified</a>      \
         <a href=\"?C=S;O=A\">Size</a>  <a href=\"?C=D;O=A\">Description</a><hr>\
         <img src=\"/icons/back.gif\" alt=\"[PARENTDIR]\"> <a href=\"{1}{2}\">Parent Directory</a>                             -   \n",
        escaped(folder),
        base,
        encoded(parent(folder))
    );
    for line in lines {
        let (icon, alt) = if line.file.is_some() { ("compressed", "[   ]") } else { ("folder", "[DIR]") };
        let blanks = " ".repeat(24usize.saturating_sub(shown(line.name, 23).chars().count()));
        let time = line.time("%Y-%m-%d %H:%M").unwrap_or_else(|| "2024-01-01 00:00".to_owned());
        let _ = writeln!(
            html,
            "<img src=\"/icons/{icon}.gif\" alt=\"{alt}\"> <a href=\"{}\">{}</a>{blanks}{time}  {:>4}  ",
            encoded(line.name),
            escaped(&shown(line.name, 23)),
            line.file.as_ref().map_or_else(|| "-".to_owned(), |file| rounded(file.size)),
        );
    }
    html + "<hr></pre>\n<address>Apache/2.4.57 (Debian) Server at 127.0.0.1 Port 80</address>\n</body></html>\n"
}

/// `HTMLTable`.
fn apache_table(base: &str, folder: &str, lines: &[Line<'_>]) -> String {
    let mut html = format!(
        "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\" \"http://www.w3.org/TR/html4/strict.dtd\">\n<html>\n\
         <head><title>Index of /{0}</title></head>\n<body>\n<h1>Index of /{0}</h1>\n  <table>\n   <tr>\
         <th><a href=\"?C=N;O=D\">Name</a></th><th><a href=\"?C=M;O=A\">Last modified</a></th>\
         <th><a href=\"?C=S;O=A\">Size</a></th></tr>\n   <tr><td><a href=\"{1}{2}\">Parent Directory</a></td>\
         <td>&nbsp;</td><td align=\"right\">  - </td></tr>\n",
        escaped(folder),
        base,
        encoded(parent(folder))
    );
    for line in lines {
        let _ = writeln!(
            html,
            "<tr><td><a href=\"{}\">{}</a></td><td align=\"right\">{}  </td><td align=\"right\">{:>4}</td></tr>",
            encoded(line.name),
            escaped(line.name),
            line.time("%Y-%m-%d %H:%M").unwrap_or_else(|| "2024-01-01 00:00".to_owned()),
            line.file.as_ref().map_or_else(|| "-".to_owned(), |file| rounded(file.size)),
        );
    }
    html + "</table>\n</body></html>\n"
}

/// `autoindex`, with exact sizes.
fn nginx(folder: &str, lines: &[Line<'_>]) -> String {
    let mut html = format!(
        "<html>\r\n<head><title>Index of /{0}</title></head>\r\n<body>\r\n<h1>Index of /{0}</h1><hr><pre>\
         <a href=\"../\">../</a>\r\n",
        escaped(folder)
    );
    for line in lines {
        let blanks = " ".repeat(51usize.saturating_sub(shown(line.name, 50).chars().count()));
        let _ = write!(
            html,
            "<a href=\"{}\">{}</a>{blanks}{} {:>19}\r\n",
            encoded(line.name),
            escaped(&shown(line.name, 50)),
            line.time("%d-%b-%Y %H:%M").unwrap_or_else(|| "01-Jan-2024 00:00".to_owned()),
            line.file.as_ref().map_or_else(|| "-".to_owned(), |file| file.size.to_string()),
        );
    }
    html + "</pre><hr></body>\r\n</html>\r\n"
}

/// `autoindex_format json`.
fn nginx_json(lines: &[Line<'_>]) -> String {
    let shown = |line: &Line<'_>| match &line.file {
        None => {
            json!({ "name": line.name.trim_end_matches('/'), "type": "directory", "mtime": "Mon, 01 Jan 2024 00:00:00 GMT" })
        }
        Some(file) => json!({
            "name": line.name, "type": "file", "mtime": httpdate::fmt_http_date(file.modified), "size": file.size,
        }),
    };
    serde_json::Value::Array(lines.iter().map(shown).collect()).to_string()
}

/// `python3 -m http.server`.
fn python(folder: &str, lines: &[Line<'_>]) -> String {
    let mut html = format!(
        "<!DOCTYPE HTML>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <title>Directory listing for /{0}</title>\n</head>\n<body>\n<h1>Directory listing for /{0}</h1>\n<hr>\n<ul>\n",
        escaped(folder)
    );
    for line in lines {
        let _ = writeln!(html, "<li><a href=\"{}\">{}</a></li>", encoded(line.name), escaped(line.name));
    }
    html + "</ul>\n<hr>\n</body>\n</html>\n"
}

/// A name as far as there is room for it.
fn shown(name: &str, room: usize) -> String {
    match name.chars().count() > room {
        true => name.chars().take(room - 3).chain("..>".chars()).collect(),
        false => name.to_owned(),
    }
}

/// A size as Apache writes it: at most four characters.
fn rounded(bytes: u64) -> String {
    if bytes < 1000 {
        return bytes.to_string();
    }
    let mut size = bytes as f64 / 1024.0;
    let mut units = "KMGT".chars();
    while size >= 999.5 && units.clone().count() > 1 {
        size /= 1024.0;
        units.next();
    }
    let unit = units.next().unwrap_or('T');
    if size < 9.95 { format!("{size:.1}{unit}") } else { format!("{size:.0}{unit}") }
}

fn parent(folder: &str) -> &str {
    let inner = folder.trim_end_matches('/');
    &inner[..inner.rfind('/').map_or(0, |at| at + 1)]
}
