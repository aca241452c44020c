//! A compiled program.

use busta_core::{Error, Result};
use jaq_core::data::JustLut;
use jaq_core::load::{self, Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Filter, Vars, unwrap_valr};
use jaq_json::{Val, read, write};

use crate::formats::{MAX_RECORD, check_object};

/// What a program could see besides the record, or do besides giving outputs. `halt` would end busta.
const WITHHELD: [&str; 10] = [
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

impl Program {
    /// Compiles a program; the error is for whoever wrote it.
    pub fn compile(text: &str) -> Result<Self, String> {
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
            .compile(modules)
            .map_err(|errors| undefined(&errors))?;
        Ok(Self(filter))
    }

    /// The JSON texts of its outputs, each one object.
    pub fn run(&self, json: &str) -> Result<Vec<String>> {
        if depth(json) > MAX_DEPTH {
            return Err(Error::data(format!("the record is nested more than {MAX_DEPTH} levels deep")));
        }
        let input = read::parse_single(json.as_bytes())
            .map_err(|error| Error::data(format!("the record is not valid JSON: {error}")))?;
        let context = Ctx::<JustLut<Val>>::new(&self.0.lut, Vars::new([]));
        let (mut outputs, mut bytes) = (Vec::new(), 0);
        for output in self.0.id.run((context, input)).map(unwrap_valr) {
            let value = output.map_err(|error| Error::data(shortened(&error.to_string())))?;
            let text = object(&value)?;
            bytes += text.len();
            if outputs.len() == MAX_OUTPUTS || bytes > MAX_RECORD {
                let most = MAX_RECORD >> 20;
                let message = format!("the program gives more than {MAX_OUTPUTS} outputs or {most} MiB");
                return Err(Error::data(message).hint("look for a loop without an end"));
            }
            outputs.push(text);
        }
        Ok(outputs)
    }
}

/// An output as a record. What jq can hold and JSON cannot (NaN, bytes) is found here.
fn object(value: &Val) -> Result<String> {
    let mut bytes = Vec::new();
    write::write(&mut bytes, &write::Pp::default(), 0, value)
        .map_err(|error| Error::bug("an output cannot be written").caused_by(error))?;
    check_object(&bytes).map_err(|error| error.at("an output of the program"))?;
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

fn syntax(errors: &load::Errors<&str, ()>) -> String {
    let Some((file, error)) = errors.first() else { return "the program cannot be read".to_owned() };
    let near = |at: &str| {
        let offset = (at.as_ptr() as usize).saturating_sub(file.code.as_ptr() as usize);
        let found: String = at.chars().take(20).collect();
        let place = file.code.get(..offset).map_or(0, |before| before.chars().count()) + 1;
        if found.is_empty() {
            "the end of the program".to_owned()
        } else {
            format!("`{found}` (sign {place})")
        }
    };
    match error {
        load::Error::Io(_) => "a program cannot import or include files".to_owned(),
        load::Error::Lex(errors) => errors.first().map_or_else(String::new, |(expected, at)| {
            format!("expected {} at {}", expected.as_str(), near(at))
        }),
        load::Error::Parse(errors) => errors.first().map_or_else(String::new, |(expected, at)| {
            format!("expected {} at {}", expected.as_str(), near(at))
        }),
    }
}

fn undefined(errors: &jaq_core::compile::Errors<&str, ()>) -> String {
    let first = errors.iter().flat_map(|(_, errors)| errors).next();
    let Some((name, kind)) = first else { return "the program cannot be compiled".to_owned() };
    let why = if WITHHELD.contains(name) || name.starts_with("input") {
        "; a program sees the record and nothing else"
    } else {
        ""
    };
    format!("there is no {} `{name}`{why}", kind.as_str())
}
