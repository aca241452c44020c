//! Builds the dashboard and puts its files into the crate.
//!
//! Where there is no `npm`, or it fails, a warning says so and the server shows a plain page: the API needs
//! no dashboard. `BUSTA_WITHOUT_UI=1` leaves it out on purpose.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, io};

/// What the dashboard is made of. `node_modules` is not among it: the lock file says what is in there.
const SOURCES: [&str; 7] =
    ["src", "public", "index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts"];

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=BUSTA_WITHOUT_UI");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let ui = manifest.join("../../ui");
    let pages = out.join("ui");
    for source in SOURCES.map(|source| ui.join(source)) {
        // A path that is not there counts as changed each time: so it is seen when the first of them appears.
        if source.exists() || source.ends_with("package.json") {
            println!("cargo::rerun-if-changed={}", source.display());
        }
    }
    if wanted(&ui) {
        if let Err(reason) = build(&ui, &pages) {
            println!("cargo::warning=the dashboard is left out: {reason}");
            // Half a dashboard is none.
            let _ = fs::remove_dir_all(&pages);
        }
    } else {
        let _ = fs::remove_dir_all(&pages);
    }
    fs::write(out.join("pages.rs"), table(&pages)?)
}

fn wanted(ui: &Path) -> bool {
    let without = env::var_os("BUSTA_WITHOUT_UI").is_some_and(|value| !value.is_empty() && value != "0");
    !without && ui.join("package.json").exists()
}

fn build(ui: &Path, pages: &Path) -> Result<(), String> {
    let ui = ui.canonicalize().map_err(|error| error.to_string())?;
    // Other builds of this tree (another profile, an editor's) wait here. This file is the same for all of
    // them, and `npm ci` does not remove it. The lock ends with the process.
    let lock = File::open("build.rs").map_err(|error| format!("build.rs: {error}"))?;
    lock.lock().map_err(|error| format!("build.rs cannot be locked: {error}"))?;
    install(&ui, &ui.join("node_modules"))?;
    let pages = pages.as_os_str();
    let arguments = ["run", "build", "--", "--outDir"].map(OsStr::new);
    npm(&ui, arguments.into_iter().chain([pages, OsStr::new("--emptyOutDir")]))
}

/// Installs what the build needs, unless it is there: npm writes its own list last, so where that is not
/// older than the lock file everything else is there too, whoever installed it.
fn install(ui: &Path, modules: &Path) -> Result<(), String> {
    let changed = |path: PathBuf| fs::metadata(path).and_then(|file| file.modified()).ok();
    let wanted = changed(ui.join("package-lock.json")).ok_or("there is no package-lock.json")?;
    if changed(modules.join(".package-lock.json")).is_some_and(|installed| installed >= wanted) {
        return Ok(());
    }
    npm(ui, ["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"].map(OsStr::new))
}

fn npm<'a>(ui: &Path, arguments: impl IntoIterator<Item = &'a OsStr>) -> Result<(), String> {
    let program = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let output = Command::new(program)
        .args(arguments)
        .current_dir(ui)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("npm cannot be started ({error}); install node and npm"))?;
    if output.status.success() {
        return Ok(());
    }
    let said =
        String::from_utf8_lossy(if output.stderr.is_empty() { &output.stdout } else { &output.stderr });
    let end: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).rev().take(3).collect();
    Err(format!("npm failed: {}", end.into_iter().rev().collect::<Vec<_>>().join(" | ")))
}

/// The files as a table in Rust.
fn table(pages: &Path) -> io::Result<String> {
    let mut files = Vec::new();
    if pages.exists() {
        list(pages, &mut files)?;
    }
    files.sort();
    let mut text = String::from("pub(super) static PAGES: &[Page] = &[\n");
    for file in files {
        let path = file.strip_prefix(pages).unwrap_or(&file).to_string_lossy().replace('\\', "/");
        let file = file.to_string_lossy().into_owned();
        let _ = writeln!(text, "    Page {{ path: {path:?}, bytes: include_bytes!({file:?}) }},");
    }
    text.push_str("];\n");
    Ok(text)
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { list(&path, files)? } else { files.push(path) }
    }
    Ok(())
}
