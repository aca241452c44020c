//! A compiled program.

use busta_core::{Error, Result};
use jaq_core::data::JustLut;
use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Filter, Vars, unwrap_valr};
use jaq_json::{Val, read, write};
use serde_json::Value;

use super::complaint::{syntax, undefined};
use crate::formats::{MAX_RECORD, check_object};

/// What a program could see besides what it is given, or do besides giving outputs. `halt` would end busta.
pub(super) const WITHHELD: [&str; 10] = [
    "env",
    "now",
    "localtime",
    "strflocaltime",
    "halt",
    "halt_error",
    "debug",
    "debug_empty",
    "stderr",
    "stderr_empty",
];

/// The most outputs of one record.
const MAX_OUTPUTS: usize = 10_000;

/// A program goes down into a record by recursion; the stack of a thread must hold that.
const MAX_DEPTH: usize = 256;

/// An error may hold the whole value that it is about.
const SHOWN: usize = 300;

/// A compiled program, to be run by many threads at once.
pub struct Program(Filter<JustLut<Val>>);

/// The values of a program's variables, read once for many runs. It stays on its thread.
#[derive(Default)]
pub struct Given(Vec<Val>);

impl Given {
    /// The values, in the order in which [`Program::with_variables`] was told their names.
    pub fn new(values: &[Value]) -> Result<Self> {
        let read = |value: &Value| {
            read::parse_single(value.to_string().as_bytes())
                .map_err(|error| Error::bug("a variable cannot be read").caused_by(error.to_string()))
        };
        values.iter().map(read).collect::<Result<_>>().map(Self)
    }
}

impl Program {
    /// Compiles a program without variables; the error is for whoever wrote it.
    pub fn compile(text: &str) -> Result<Self, String> {
        Self::with_variables(text, &[])
    }

    /// Compiles a program that may name these variables, such as `$now`.
    pub fn with_variables(text: &str, names: &[&str]) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("the program is empty".to_owned());
        }
        let allowed = |name: &str| !WITHHELD.contains(&name);
        let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
        let funs = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
        let arena = Arena::default();
        let loader = Loader::new(defs.filter(|def| allowed(def.name)));
        let modules = loader.load(&arena, File { code: text, path: () }).map_err(|errors| syntax(&errors))?;
        let filter = Compiler::default()
            .with_funs(funs.filter(|(name, ..)| allowed(name)))
            .with_global_vars(names.iter().copied())
            .compile(modules)
            .map_err(|errors| undefined(&errors))?;
        Ok(Self(filter))
    }

    /// The JSON texts of its outputs, each one object.
    pub fn records(&self, json: &str, given: &Given) -> Result<Vec<String>> {
        self.run(json, given, |output| {
            let text = text(output)?;
            check_object(text.as_bytes()).map_err(|error| error.at("an output of the program"))?;
            Ok((text.len(), text))
        })
    }

    /// Its outputs, whatever they are.
    pub fn values(&self, json: &str, given: &Given) -> Result<Vec<Value>> {
        self.run(json, given, |output| {
            let text = text(output)?;
            let value = serde_json::from_str(&text)
                .map_err(|error| Error::data(format!("an output of the program is no JSON: {error}")))?;
            Ok((text.len(), value))
        })
    }

    fn run<T>(&self, json: &str, given: &Given, take: impl Fn(&Val) -> Result<(usize, T)>) -> Result<Vec<T>> {
        if depth(json) > MAX_DEPTH {
            return Err(Error::data(format!("the record is nested more than {MAX_DEPTH} levels deep")));
        }
        let input = read::parse_single(json.as_bytes())
            .map_err(|error| Error::data(format!("the record is not valid JSON: {error}")))?;
        let context = Ctx::<JustLut<Val>>::new(&self.0.lut, Vars::new(given.0.iter().cloned()));
        let (mut outputs, mut bytes) = (Vec::new(), 0);
        for output in self.0.id.run((context, input)).map(unwrap_valr) {
            let value = output.map_err(|error| Error::data(shortened(&error.to_string())))?;
            let (length, output) = take(&value)?;
            bytes += length;
            if outputs.len() == MAX_OUTPUTS || bytes > MAX_RECORD {
                let most = MAX_RECORD >> 20;
                let message = format!("the program gives more than {MAX_OUTPUTS} outputs or {most} MiB");
                return Err(Error::data(message).hint("look for a loop without an end"));
            }
            outputs.push(output);
        }
        Ok(outputs)
    }
}

/// An output as JSON. What jq can hold and JSON cannot (NaN, bytes) is found by whoever reads it.
fn text(value: &Val) -> Result<String> {
    let mut bytes = Vec::new();
    write::write(&mut bytes, &write::Pp::default(), 0, value)
        .map_err(|error| Error::bug("an output cannot be written").caused_by(error))?;
    String::from_utf8(bytes).map_err(|_| Error::data("an output of the program is not UTF-8"))
}

/// How deep brackets are nested in a valid JSON text.
fn depth(json: &str) -> usize {
    let (mut depth, mut most, mut rest) = (0usize, 0, json.as_bytes());
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                while let Some(at) = memchr::memchr2(b'"', b'\\', rest) {
                    let quote = rest[at] == b'"';
                    rest = rest.get(at + if quote { 1 } else { 2 }..).unwrap_or(&[]);
                    if quote {
                        break;
                    }
                }
            }
            _ => {}
        }
        most = most.max(depth);
    }
    most
}

fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(SHOWN).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
