//! From the configuration to streams that can be read, or everything that is wrong with it.

mod ask;
mod each;
mod mentions;
mod rules;
mod service;
mod stream;

use busta_core::connector::{Built, SourceContext};

use super::config::ApiConfig;
use super::family::Family;
use super::problems::Problems;
use super::stream::Api;
use super::template::{FOLLOW, WITH};

pub(in crate::sources) use ask::headers;

/// Checks `config` and compiles it.
pub fn compile(config: &ApiConfig, context: &SourceContext) -> Built<Api> {
    let mut problems = Problems::default();
    let services = service::compile(config, &mut problems);
    if config.streams.is_empty() {
        problems.add("streams", "must have at least one stream");
    }
    if config.max_response_size.0 == 0 || config.max_response_size.0 >= u64::from(u32::MAX) {
        problems.add("max_response_size", "must be at least 1 and less than 4GiB");
    }
    let (mut streams, mut members) = (Vec::new(), Vec::new());
    for (index, one) in config.streams.iter().enumerate() {
        let (stream, member) = problems.within("streams", Some(index), |problems| {
            if config.streams[..index].iter().any(|other| other.name == one.name) {
                problems.add("name", format!("there is another stream `{}` in this source", one.name));
            }
            name_clashes(config, index, problems);
            rules::check(one, problems);
            stream::compile(one, &services, problems)
        });
        streams.push(stream);
        members.push(member);
    }
    Family::of(members, &mut problems).join(&mut streams);
    let problems = problems.finish();
    let services = services.into_iter().map(|service| service.opened(context)).collect::<Option<Vec<_>>>();
    match services {
        Some(services) if problems.is_empty() => {
            Ok(Api { services, max_response_bytes: config.max_response_size.0, streams })
        }
        _ => Err(problems),
    }
}

/// Names in placeholders that could mean two things.
fn name_clashes(config: &ApiConfig, index: usize, problems: &mut Problems) {
    let stream = &config.streams[index];
    let used = |word: &str| match word {
        WITH => config.streams.iter().any(|stream| !stream.with.is_empty()),
        FOLLOW => config.streams.iter().any(|stream| !stream.follow.0.is_empty()),
        _ => false,
    };
    if used(&stream.name) {
        let name = &stream.name;
        problems.add("name", format!("`{{{name}.x}}` stands for what `{name}` gives: choose another name"));
    }
    problems.within("for_each", None, |problems| {
        for (name, _) in &stream.for_each.0 {
            if config.streams.iter().any(|other| other.name == *name) || name == WITH || name == FOLLOW {
                problems.add(name, "is also what fields of records are named by: choose another name");
            }
        }
    });
}
