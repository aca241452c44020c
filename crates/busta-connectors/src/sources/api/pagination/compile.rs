//! From the keys of `pagination` to what they mean, or everything that is wrong with them.

use http::HeaderName;

use super::super::path::{Segment, parse_value};
use super::super::problems::Problems;
use super::super::values::Params;
use super::chain::{Chain, NextIs, ToldIn};
use super::numbered::{Numbered, Unit};
use super::settings::{OffsetConfig, PageConfig};
use super::{Pagination, PaginationConfig};

/// What `config` means. `params` are the stream's own parameters: the size of pages may stand there.
/// `key` is the query parameter of the API key.
pub fn compile(
    config: &PaginationConfig,
    params: &Params,
    key: Option<&str>,
    problems: &mut Problems,
) -> Pagination {
    match config {
        PaginationConfig::None => Pagination::Single,
        PaginationConfig::Page(config) => Pagination::Numbered(page(config, params, problems)),
        PaginationConfig::Offset(config) => Pagination::Numbered(offset(config, problems)),
        PaginationConfig::Cursor { param, place, path, header, has_more_path, stop_on_empty } => {
            let told = match (path, header) {
                (Some(path), None) => ToldIn::Body(value(path, "path", problems).unwrap_or_default()),
                (None, Some(name)) => ToldIn::Header(header_name(name, "header", problems)),
                _ => {
                    problems.add("", "needs either `path` or `header`: where a page tells the next cursor");
                    ToldIn::Body(Vec::new())
                }
            };
            not_empty(param, "param", problems);
            Pagination::Chain(Chain {
                told,
                next: NextIs::Param(param.clone(), *place),
                has_more: optional(has_more_path.as_deref(), "has_more_path", problems),
                stop_on_empty: *stop_on_empty,
            })
        }
        PaginationConfig::NextUrl { path, stop_on_empty } => {
            let told = ToldIn::Body(value(path, "path", problems).unwrap_or_default());
            urls(told, key, *stop_on_empty)
        }
        PaginationConfig::LinkHeader { rel, stop_on_empty } => {
            not_empty(rel, "rel", problems);
            urls(ToldIn::Link(rel.clone()), key, *stop_on_empty)
        }
    }
}

fn urls(told: ToldIn, key: Option<&str>, stop_on_empty: bool) -> Pagination {
    let next = NextIs::Url(key.map(str::to_owned));
    Pagination::Chain(Chain { told, next, has_more: None, stop_on_empty })
}

fn page(config: &PageConfig, params: &Params, problems: &mut Problems) -> Numbered {
    let size_param = &config.per_page_param;
    not_empty(&config.page_param, "page_param", problems);
    not_empty(size_param, "per_page_param", problems);
    positive(config.per_page, "per_page", problems);
    let own = params.0.iter().find(|(name, _)| name == size_param).and_then(|(_, size)| size.parse().ok());
    Numbered {
        param: config.page_param.clone(),
        start: config.start_page,
        unit: Unit::Pages,
        size: config.per_page.or(own).map(|size| (size_param.clone(), size)),
        place: config.place,
        total: optional(config.total_path.as_deref(), "total_path", problems),
        pages: optional(config.pages_path.as_deref(), "pages_path", problems),
        has_more: optional(config.has_more_path.as_deref(), "has_more_path", problems),
        total_header: config.total_header.as_ref().map(|name| header_name(name, "total_header", problems)),
        pages_header: config.pages_header.as_ref().map(|name| header_name(name, "pages_header", problems)),
        in_order: false,
    }
}

fn offset(config: &OffsetConfig, problems: &mut Problems) -> Numbered {
    not_empty(&config.offset_param, "offset_param", problems);
    not_empty(&config.limit_param, "limit_param", problems);
    positive(Some(config.limit), "limit", problems);
    Numbered {
        param: config.offset_param.clone(),
        start: config.start_offset,
        unit: Unit::Records,
        size: Some((config.limit_param.clone(), config.limit)),
        place: config.place,
        total: optional(config.total_path.as_deref(), "total_path", problems),
        pages: None,
        has_more: optional(config.has_more_path.as_deref(), "has_more_path", problems),
        total_header: config.total_header.as_ref().map(|name| header_name(name, "total_header", problems)),
        pages_header: None,
        in_order: false,
    }
}

fn not_empty(text: &str, key: &str, problems: &mut Problems) {
    if text.is_empty() {
        problems.add(key, "must not be empty");
    }
}

fn positive(number: Option<u64>, key: &str, problems: &mut Problems) {
    if number == Some(0) {
        problems.add(key, "must be at least 1");
    }
}

fn optional(path: Option<&str>, key: &str, problems: &mut Problems) -> Option<Vec<Segment>> {
    value(path?, key, problems)
}

fn value(path: &str, key: &str, problems: &mut Problems) -> Option<Vec<Segment>> {
    parse_value(path).map_err(|message| problems.add(key, message)).ok()
}

fn header_name(name: &str, key: &str, problems: &mut Problems) -> HeaderName {
    HeaderName::try_from(name).unwrap_or_else(|_| {
        problems.add(key, format!("`{name}` cannot be the name of a header"));
        HeaderName::from_static("x-invalid")
    })
}
