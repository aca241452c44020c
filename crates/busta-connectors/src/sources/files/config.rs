//! The keys of a `type: files` source.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

use busta_core::connector::{Built, ConfigProblem, SourceContext, read_config};
use busta_core::{StreamSpec, WriteMode};
use encoding_rs::Encoding;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use super::pattern::{Excludes, Pattern};
use crate::formats::compression::Compression;
use crate::formats::csv::{CsvOptions, Header};
use crate::formats::detect::Format;
use crate::formats::json::RecordsPath;

/// The keys as they stand in the configuration.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FilesConfig {
    /// What to read: files, folders (with all folders inside) and globs, such as
    /// `incoming/**/*.json`. Relative paths start at the configuration file's folder. Hidden files,
    /// `*.tmp`, `*.part` and folders called `_busta` are passed over unless they are named.
    #[schemars(length(min = 1))]
    paths: Vec<String>,
    /// Globs of files to leave out. One without a slash is compared with file names.
    #[serde(default)]
    exclude: Vec<String>,
    /// The format. `auto` goes by the name, and where that says nothing, by the content.
    #[serde(default)]
    format: FormatKey,
    /// The compression. `auto` goes by the first bytes; only then are zip archives opened.
    #[serde(default)]
    compression: CompressionKey,
    /// The encoding of text files that have no byte order mark, such as `windows-1252`. UTF-8 if not
    /// given.
    encoding: Option<String>,
    /// Where in a JSON document its records are, such as `$.items`. If not given: in a top-level
    /// array, in the `features` of a FeatureCollection, else the document is itself the record.
    records: Option<String>,
    /// How to read CSV.
    #[serde(default)]
    csv: CsvKeys,
    /// The name of the stream; the source's name if not given.
    stream: Option<String>,
    /// The table; the stream's name if not given.
    table: Option<String>,
    /// The field or fields that identify a record.
    #[serde(default)]
    primary_key: Names,
    /// How records join the table: `merge` by default with a primary key, else `append`.
    write_mode: Option<WriteMode>,
    /// The field that says which of two records with one key is newer.
    cursor: Option<CursorKey>,
    /// Adds the file's path to every record: `true` as the field `_file`, or the name of a field.
    #[serde(default)]
    include_path: IncludePath,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum FormatKey {
    #[default]
    Auto,
    Json,
    Ndjson,
    Csv,
    Parquet,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum CompressionKey {
    #[default]
    Auto,
    None,
    Gzip,
    Zstd,
}

/// The field that says which of two records with one key is newer.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CursorKey {
    /// A top-level field of the records: a number or a time.
    field: String,
}

/// How to read CSV.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct CsvKeys {
    /// The character between fields. If not given, the first line tells: comma, semicolon, tab or bar.
    delimiter: Option<String>,
    /// Whether the first row holds the names of the columns. `auto`: unless one of its fields is
    /// empty, a number or a boolean.
    header: Header,
    /// Names for the columns, in place of those of the file.
    columns: Vec<String>,
    /// The character around fields that hold delimiters or line breaks.
    quote: String,
    /// Texts that mean null. An empty field always does.
    null_values: Vec<String>,
    /// Whether numbers and booleans are recognised. Only what keeps all its characters is: `007`,
    /// `+1` and `1e5` stay text.
    typed: bool,
}

impl Default for CsvKeys {
    fn default() -> Self {
        Self {
            delimiter: None,
            header: Header::default(),
            columns: Vec::new(),
            quote: "\"".to_owned(),
            null_values: Vec::new(),
            typed: true,
        }
    }
}

/// One name, or several.
#[derive(Debug, Default)]
struct Names(Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;
        impl<'de> de::Visitor<'de> for OneOrMany {
            type Value = Names;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field name or a list of field names")
            }
            fn visit_str<E>(self, name: &str) -> Result<Names, E> {
                Ok(Names(vec![name.to_owned()]))
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, list: A) -> Result<Names, A::Error> {
                Vec::deserialize(de::value::SeqAccessDeserializer::new(list)).map(Names)
            }
        }
        deserializer.deserialize_any(OneOrMany)
    }
}

impl JsonSchema for Names {
    fn schema_name() -> Cow<'static, str> {
        "FieldNames".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] })
    }
}

/// The field that takes a file's path, if any does.
#[derive(Debug, Default)]
struct IncludePath(Option<String>);

impl<'de> Deserialize<'de> for IncludePath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BoolOrName;
        impl de::Visitor<'_> for BoolOrName {
            type Value = IncludePath;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, false or a field name")
            }
            fn visit_bool<E>(self, wanted: bool) -> Result<IncludePath, E> {
                Ok(IncludePath(wanted.then(|| "_file".to_owned())))
            }
            fn visit_str<E>(self, name: &str) -> Result<IncludePath, E> {
                Ok(IncludePath(Some(name.to_owned())))
            }
        }
        deserializer.deserialize_any(BoolOrName)
    }
}

impl JsonSchema for IncludePath {
    fn schema_name() -> Cow<'static, str> {
        "IncludePath".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["boolean", "string"] })
    }
}

/// The keys, checked.
#[derive(Debug)]
pub struct Settings {
    /// Where relative paths start.
    pub base_dir: PathBuf,
    /// What to read.
    pub patterns: Vec<Pattern>,
    /// What to leave out.
    pub excludes: Excludes,
    /// The format, if the files are not to tell it.
    pub format: Option<Format>,
    /// The compression, if the files are not to tell it.
    pub compression: Option<Compression>,
    /// The encoding of files without a byte order mark.
    pub encoding: Option<&'static Encoding>,
    /// Where in a document its records are.
    pub records: RecordsPath,
    /// How to read rows.
    pub csv: CsvOptions,
    /// The field that takes a file's path.
    pub path_field: Option<String>,
    /// The stream.
    pub stream: StreamSpec,
}

impl Settings {
    /// Reads and checks the keys; all problems at once.
    pub fn read(keys: Value, context: &SourceContext) -> Built<Self> {
        let config: FilesConfig = read_config(keys)?;
        let mut problems = Vec::new();
        let settings = config.check(context, &mut problems);
        if problems.is_empty() { Ok(settings) } else { Err(problems) }
    }
}

impl FilesConfig {
    fn check(self, context: &SourceContext, problems: &mut Vec<ConfigProblem>) -> Settings {
        if self.paths.is_empty() {
            problems.push(ConfigProblem::new("paths", "is empty; give at least one file, folder or glob"));
        }
        let patterns = self
            .paths
            .iter()
            .enumerate()
            .filter_map(|(index, text)| note(Pattern::new(text), &format!("paths.{index}"), problems));
        let patterns = patterns.collect();
        let excludes = note(Excludes::new(&self.exclude), "exclude", problems).unwrap_or_default();
        let records = self.records.as_deref().map(str::parse);
        let records = records.and_then(|parsed| note(parsed, "records", problems)).unwrap_or_default();
        if matches!(self.format, FormatKey::Ndjson | FormatKey::Csv | FormatKey::Parquet)
            && self.records.is_some()
        {
            problems.push(ConfigProblem::new("records", "is only for `format: json`; leave one of them out"));
        }
        if matches!(self.format, FormatKey::Parquet) && cfg!(not(feature = "parquet")) {
            problems.push(ConfigProblem::new("format", "is parquet, and this busta was built without it"));
        }
        let encoding = self.encoding.as_deref().and_then(|label| {
            let known = Encoding::for_label(label.as_bytes());
            note(
                known.ok_or(format!("`{label}` is not an encoding; write it like utf-8 or windows-1252")),
                "encoding",
                problems,
            )
        });
        let csv = self.csv.check(problems);
        let stream = stream(
            self.stream.as_deref().unwrap_or(context.name.as_str()),
            self.table,
            self.primary_key.0,
            self.write_mode,
            self.cursor.map(|cursor| cursor.field),
            problems,
        );
        Settings {
            base_dir: context.base_dir.clone(),
            patterns,
            excludes,
            format: match self.format {
                FormatKey::Auto => None,
                FormatKey::Json => Some(Format::Json),
                FormatKey::Ndjson => Some(Format::Ndjson),
                FormatKey::Csv => Some(Format::Csv),
                FormatKey::Parquet => Some(Format::Parquet),
            },
            compression: match self.compression {
                CompressionKey::Auto => None,
                CompressionKey::None => Some(Compression::None),
                CompressionKey::Gzip => Some(Compression::Gzip),
                CompressionKey::Zstd => Some(Compression::Zstd),
            },
            encoding,
            records,
            csv,
            path_field: self.include_path.0,
            stream,
        }
    }
}

impl CsvKeys {
    fn check(self, problems: &mut Vec<ConfigProblem>) -> CsvOptions {
        let delimiter = self.delimiter.map(|text| one_byte(&text, "csv.delimiter", problems));
        let quote = one_byte(&self.quote, "csv.quote", problems);
        if delimiter == Some(quote) {
            problems.push(ConfigProblem::new("csv.quote", "is the same as `delimiter`; one must differ"));
        }
        for (index, name) in self.columns.iter().enumerate() {
            if self.columns[..index].contains(name) {
                let path = format!("csv.columns.{index}");
                problems.push(ConfigProblem::new(&path, format!("`{name}` is there twice")));
            }
        }
        CsvOptions {
            delimiter,
            quote,
            header: self.header,
            columns: self.columns,
            null_values: self.null_values,
            typed: self.typed,
        }
    }
}

fn stream(
    name: &str,
    table: Option<String>,
    primary_key: Vec<String>,
    write_mode: Option<WriteMode>,
    cursor_field: Option<String>,
    problems: &mut Vec<ConfigProblem>,
) -> StreamSpec {
    let mut spec = StreamSpec::new(name, primary_key);
    if let Some(table) = table {
        spec.table = table;
    }
    if let Some(mode) = write_mode {
        spec.write_mode = mode;
    }
    if spec.write_mode == WriteMode::Merge && spec.primary_key.is_empty() {
        problems.push(ConfigProblem::new("write_mode", "is merge, which needs a `primary_key`"));
    }
    spec.cursor_field = cursor_field;
    spec
}

fn one_byte(text: &str, path: &str, problems: &mut Vec<ConfigProblem>) -> u8 {
    match text.as_bytes() {
        [byte] if !matches!(byte, b'\n' | b'\r') => *byte,
        _ => {
            let message = format!("`{}` is not one ASCII character", text.escape_debug());
            problems.push(ConfigProblem::new(path, message));
            0
        }
    }
}

/// The value, or a problem at `path`.
fn note<T>(result: Result<T, String>, path: &str, problems: &mut Vec<ConfigProblem>) -> Option<T> {
    result.map_err(|message| problems.push(ConfigProblem::new(path, message))).ok()
}
