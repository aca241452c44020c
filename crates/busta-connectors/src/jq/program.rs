//! A compiled program.

use std::io::Write;

use busta_core::{Error, Result};
use jaq_core::load::parse::{Def, Term};
use jaq_core::load::{self, Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Filter, Vars, unwrap_valr};
use jaq_json::{Val, read, write};
use serde_json::Value;

use super::bounded;
use super::capped::Capped;
use super::complaint::{syntax, undefined};
use super::gauge::{Gauged, gauged};
use super::natives::{WITHHELD, natives};
use crate::formats::{MAX_RECORD, check_object};

/// The most outputs of one record.
const MAX_OUTPUTS: usize = 10_000;

/// A program goes down into a record by recursion; the stack of a thread must hold that.
pub(super) const MAX_DEPTH: usize = 256;

/// An error may hold the whole value that it is about.
const SHOWN: usize = 300;

/// What the definition is called that a program is.
const MAIN: &str = "__program";

/// A compiled program, to be run by many threads at once.
pub struct Program(Filter<Gauged>);

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
        let mut defs: Vec<Def<&str>> = definitions().collect();
        defs.push(Def { name: MAIN, args: Vec::new(), body: bounded::program(text, parse(text)?)? });
        let arena = Arena::default();
        let modules = Loader::new(defs)
            .load(&arena, File { code: MAIN, path: () })
            .map_err(|errors| syntax(&errors))?;
        let filter = Compiler::default()
            .with_funs(natives())
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
        gauged(&self.0.lut, json.len(), |gauge| {
            let context = Ctx::<Gauged>::new(gauge, Vars::new(given.0.iter().cloned()));
            let (mut outputs, mut bytes) = (Vec::new(), 0);
            for output in self.0.id.run((context, input)).map(unwrap_valr) {
                let value = output.map_err(|error| Error::data(shortened(&error)))?;
                let (length, output) = take(&value)?;
                bytes += length;
                if outputs.len() == MAX_OUTPUTS || bytes > MAX_RECORD {
                    return Err(too_much());
                }
                outputs.push(output);
            }
            Ok(outputs)
        })
    }
}

/// What programs may call that is written in jq.
fn definitions() -> impl Iterator<Item = Def<&'static str>> {
    let theirs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    let theirs = theirs.filter(|def| !WITHHELD.contains(&def.name)).map(bounded::definition);
    bounded::growing().chain(theirs)
}

/// Reads a program.
fn parse(text: &str) -> Result<Term<&str>, String> {
    let arena = Arena::default();
    // Says what is wrong with it; what is read is not to be had from it.
    Loader::new([]).load(&arena, File { code: text, path: () }).map_err(|errors| syntax(&errors))?;
    load::parse(text, |parser| parser.term()).ok_or_else(|| "a program is no module".to_owned())
}

fn too_much() -> Error {
    let most = MAX_RECORD >> 20;
    Error::data(format!("the program gives more than {MAX_OUTPUTS} outputs or {most} MiB"))
        .hint("look for a loop without an end")
}

/// An output as JSON. What jq can hold and JSON cannot (NaN, bytes) is found by whoever reads it.
fn text(value: &Val) -> Result<String> {
    let mut bytes = Capped::new(MAX_RECORD);
    write::write(&mut bytes, &write::Pp::default(), 0, value).map_err(|_| too_much())?;
    String::from_utf8(bytes.into_inner()).map_err(|_| Error::data("an output of the program is not UTF-8"))
}

/// How deep brackets are nested in a valid JSON text.
pub(super) fn depth(json: &str) -> usize {
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

fn shortened(error: &jaq_core::Error<Val>) -> String {
    let mut short = Capped::new(4 * SHOWN);
    let is_whole = write!(short, "{error}").is_ok();
    let text = String::from_utf8_lossy(&short.into_inner()).into_owned();
    let mut short: String = text.chars().take(SHOWN).collect();
    if !is_whole || short.len() < text.len() {
        short.push('…');
    }
    short
}
