//! Keys of a stream that need one another, or exclude one another.

use busta_core::WriteMode;

use super::super::config::{CursorConfig, MethodName, Order, StreamConfig};
use super::super::pagination::PaginationConfig;
use super::super::problems::Problems;

/// Checks what can be seen without the other streams.
pub fn check(config: &StreamConfig, problems: &mut Problems) {
    if config.name.trim().is_empty() {
        problems.add("name", "must not be empty");
    }
    if config.write_mode == Some(WriteMode::Merge) && config.primary_key.0.is_empty() {
        problems.add("write_mode", "merge needs a `primary_key`");
    }
    if config.max_records == Some(0) {
        problems.add("max_records", "must be at least 1");
    }
    check_skip(config, problems);
    if config.from.is_some() {
        asks_nothing(config, problems);
    } else if config.path.is_none() {
        problems.add("path", "is missing: expected what comes after `base_url`, such as /orders");
    }
    if let Some(cursor) = &config.cursor {
        problems.within("cursor", None, |problems| check_cursor(config, cursor, problems));
    }
}

/// A stream that is made from another has no requests for these keys to shape.
fn asks_nothing(config: &StreamConfig, problems: &mut Problems) {
    let cursor = config.cursor.as_ref();
    let set = [
        ("path", config.path.is_some()),
        ("service", config.service.is_some()),
        ("for_each", !config.for_each.0.is_empty()),
        ("method", config.method != MethodName::Get),
        ("params", !config.params.0.is_empty()),
        ("headers", !config.headers.is_empty()),
        ("body", config.body.is_some()),
        ("form", config.form.is_some()),
        ("records", config.records.is_some()),
        ("pagination", config.pagination != PaginationConfig::None),
        ("max_records", config.max_records.is_some()),
        ("parent", config.parent.is_some()),
        ("with", !config.with.is_empty()),
        ("follow", !config.follow.0.is_empty()),
        ("skip", !config.skip.is_empty()),
        ("cursor", cursor.is_some_and(|cursor| cursor.param.is_some() || cursor.order != Order::Any)),
    ];
    for (key, _) in set.iter().filter(|(_, set)| *set) {
        problems
            .add(key, "a stream with `from` makes no request: its records are those of another, by `map`");
    }
}

/// What says that nothing is there for a combination or record, and nothing else.
fn check_skip(config: &StreamConfig, problems: &mut Problems) {
    for (index, status) in config.skip.iter().enumerate() {
        if !(400..500).contains(status) || [401, 407, 408, 425, 429].contains(status) {
            problems.within("skip", Some(index), |problems| {
                problems.add(
                    "",
                    format!("{status} does not say that something may not be read, as 403 and 404 do"),
                );
            });
        }
    }
}

fn check_cursor(config: &StreamConfig, cursor: &CursorConfig, problems: &mut Problems) {
    if cursor.field.split('.').any(str::is_empty) {
        problems.add("field", "must be the name of a field, such as updated_at");
    }
    let newest_first = cursor.order == Order::NewestFirst;
    for (key, set) in [("start", cursor.start.is_some()), ("lookback", cursor.lookback.is_some())] {
        if set && cursor.param.is_none() && !newest_first {
            problems.add(key, "needs `param`: the parameter that asks for what is newer");
        }
    }
    let merges = !config.primary_key.0.is_empty()
        && config.write_mode.is_none_or(|write_mode| write_mode == WriteMode::Merge);
    if newest_first && !merges {
        problems.add(
            "order",
            "newest_first needs a `primary_key` to merge by: records of the last page come again",
        );
    }
}
