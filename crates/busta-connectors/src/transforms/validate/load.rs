//! Schemas from the binary and from files, compiled. Nothing is ever fetched.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use boon::{Compiler, SchemaIndex, Schemas, UrlLoader};
use busta_core::{Error, Result};
use serde_json::Value;

use super::{Wanted, report, stac};

/// The address of a schema that stands in the configuration.
const INLINE: &str = "https://config.busta.invalid/schema.json";

/// Compiled schemas.
pub struct Loaded {
    schemas: Schemas,
    by_url: HashMap<String, SchemaIndex>,
    /// The one schema of all records; without it, STAC's rules say which.
    only: Option<SchemaIndex>,
}

impl Loaded {
    /// What is wrong with a record.
    pub fn check(&self, record: &Value) -> Result<(), String> {
        match self.only {
            Some(index) => self.against(record, index),
            None => stac::check(
                record,
                |url| self.by_url.get(trimmed(url)).copied(),
                |index| self.against(record, index),
            ),
        }
    }

    fn against(&self, record: &Value, index: SchemaIndex) -> Result<(), String> {
        self.schemas.validate(record, index).map_err(|error| report::words(&error))
    }
}

/// URLs of schemas are compared without the empty fragment that some end with.
fn trimmed(url: &str) -> &str {
    url.trim_end_matches('#')
}

/// Reads and compiles what is wanted, and all schemas below `folder`.
pub fn load(wanted: &Wanted, folder: Option<&Path>) -> Result<Loaded> {
    let mut compiler = Compiler::new();
    compiler.set_default_draft(boon::Draft::V2020_12);
    let folders: Vec<PathBuf> = folder.map(Path::to_owned).into_iter().collect();
    let beside = matches!(wanted, Wanted::File(_));
    compiler.use_loader(Box::new(Files { folders, beside }));
    for (url, text) in stac::CORE {
        let schema = parse(text).map_err(|error| Error::bug(format!("{url}: {error}")))?;
        compiler.add_resource(url, schema).map_err(|error| Error::bug(format!("{url}: {error}")))?;
    }
    let mut loaded = Loaded { schemas: Schemas::new(), by_url: HashMap::new(), only: None };
    match wanted {
        Wanted::Stac => {
            for url in stac::roots() {
                loaded.compile(&mut compiler, url, url)?;
            }
            if let Some(folder) = folder {
                for (url, path) in extensions(folder)? {
                    loaded.compile(&mut compiler, &url, &path.display().to_string())?;
                }
            }
        }
        Wanted::File(path) => {
            let absolute = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            let url = url::Url::from_file_path(absolute)
                .map_err(|()| Error::config(format!("{} is no path of a file", path.display())))?;
            let index = loaded.compile(&mut compiler, url.as_str(), &path.display().to_string())?;
            loaded.only = Some(index);
        }
        Wanted::Inline(schema) => {
            compiler
                .add_resource(INLINE, schema.clone())
                .map_err(|error| Error::config(format!("{error:#}")))?;
            loaded.only = Some(loaded.compile(&mut compiler, INLINE, "the schema")?);
        }
    }
    Ok(loaded)
}

impl Loaded {
    fn compile(&mut self, compiler: &mut Compiler, url: &str, place: &str) -> Result<SchemaIndex> {
        let index = compiler
            .compile(url, &mut self.schemas)
            .map_err(|error| Error::config(format!("{place} is not a schema that can be used: {error:#}")))?;
        self.by_url.insert(trimmed(url).to_owned(), index);
        Ok(index)
    }
}

/// The schemas below a folder with their URLs. A first folder with a dot in its name is a host; without
/// one it is that of the extensions of STAC.
fn extensions(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name() {
        let entry = entry.map_err(|error| {
            Error::config(format!("the folder of schemas {} cannot be read: {error}", folder.display()))
        })?;
        if !entry.file_type().is_file() || entry.path().extension().is_none_or(|ending| ending != "json") {
            continue;
        }
        let Ok(below) = entry.path().strip_prefix(folder) else { continue };
        let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
        let host = parts.len() > 1 && parts[0].contains('.') && !is_version(&parts[0]);
        let base = if host { "https://" } else { stac::EXTENSIONS };
        found.push((format!("{base}{}", parts.join("/")), entry.into_path()));
    }
    if found.is_empty() {
        return Err(Error::config(format!("there is no schema in {}", folder.display()))
            .hint("a schema is a .json file in folders as in its URL"));
    }
    Ok(found)
}

/// `v1.1.0` has dots and is no host.
fn is_version(name: &str) -> bool {
    name.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

fn parse(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// Gives schemas their references: from the folders, or, for a schema file, from files beside it.
struct Files {
    folders: Vec<PathBuf>,
    /// Whether a schema may name files: one in the configuration is looked at without touching a disk.
    beside: bool,
}

impl UrlLoader for Files {
    fn load(&self, url: &str) -> Result<Value, Box<dyn std::error::Error>> {
        let parsed = url::Url::parse(url)?;
        let candidates: Vec<PathBuf> = if parsed.scheme() == "file" {
            parsed.to_file_path().ok().filter(|_| self.beside).into_iter().collect()
        } else {
            let (host, path) = (parsed.host_str().unwrap_or_default(), parsed.path().trim_start_matches('/'));
            self.folders.iter().flat_map(|folder| [folder.join(host).join(path), folder.join(path)]).collect()
        };
        match candidates.iter().find(|path| path.is_file()) {
            Some(path) => Ok(parse(&std::fs::read_to_string(path)?)?),
            None => Err("there is no such file here, and nothing is fetched".into()),
        }
    }
}
