//! SQLite's source as the published module compiles it: parts that run once for a statement, and text search,
//! are made as small as they get; parts that run for every row are left to the profile's level.
//!
//! The amalgamation says where each of its files begins and ends; a pragma there reaches all functions between.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::{cargo, target};

/// Reading SQL, planning it, changing schemas, opening and closing; text search.
const SMALL: &[&str] = &[
    "alter.c",
    "analyze.c",
    "attach.c",
    "auth.c",
    "backup.c",
    "build.c",
    "callback.c",
    "ctime.c",
    "dbpage.c",
    "dbstat.c",
    "delete.c",
    "expr.c",
    "fkey.c",
    "global.c",
    "insert.c",
    "legacy.c",
    "main.c",
    "os.c",
    "parse.c",
    "pragma.c",
    "prepare.c",
    "random.c",
    "resolve.c",
    "select.c",
    "status.c",
    "tokenize.c",
    "trigger.c",
    "update.c",
    "upsert.c",
    "vacuum.c",
    "vdbeblob.c",
    "vtab.c",
    "walker.c",
    "where.c",
    "wherecode.c",
    "whereexpr.c",
    "window.c",
];

/// Writes the source and gives its folder. The file is touched only where it changes, or cargo would compile it again.
pub(crate) fn source() -> Result<PathBuf> {
    let original = original()?;
    let folder = target().join("sqlite");
    fs::create_dir_all(&folder)?;
    for name in ["sqlite3.c", "sqlite3.h", "sqlite3ext.h"] {
        let file = original.join(name);
        let mut text =
            fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        if name == "sqlite3.c" {
            text = marked(&text)?;
        }
        let output = folder.join(name);
        if fs::read_to_string(&output).ok().as_deref() != Some(&text) {
            fs::write(output, text)?;
        }
    }
    Ok(folder)
}

/// The folder of the source that comes with the crate.
fn original() -> Result<PathBuf> {
    let output = cargo().args(["metadata", "--format-version=1", "--locked"]).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata = String::from_utf8(output.stdout)?;
    let manifest = metadata
        .split(r#""manifest_path":""#)
        .filter_map(|rest| rest.split('"').next())
        .map(Path::new)
        .find(|path| path.parent().is_some_and(is_the_crate))
        .context("cargo does not know where sqlite-wasm-rs is")?;
    Ok(manifest.with_file_name("sqlite3"))
}

fn is_the_crate(folder: &Path) -> bool {
    let name = folder.file_name().and_then(OsStr::to_str);
    name.and_then(|name| name.strip_prefix("sqlite-wasm-rs-"))
        .is_some_and(|version| version.starts_with(|c: char| c.is_ascii_digit()))
}

fn marked(source: &str) -> Result<String> {
    let mut marked = String::with_capacity(source.len() + 8 * 1024);
    let mut found = 0;
    for line in source.lines() {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let is_marker = line.starts_with("/****") && line.ends_with("****/");
        match words.as_slice() {
            [_, "Begin", "file", name, _] if is_marker && SMALL.contains(name) => {
                found += 1;
                marked.push_str(
                    "#pragma clang attribute push(__attribute__((minsize)), apply_to = function)\n",
                );
            }
            [_, "End", "of", name, _] if is_marker && SMALL.contains(name) => {
                marked.push_str("#pragma clang attribute pop\n");
            }
            _ => {}
        }
        marked.push_str(line);
        marked.push('\n');
    }
    ensure!(found == SMALL.len(), "SQLite's source has {found} of the files to be marked");
    Ok(marked)
}
