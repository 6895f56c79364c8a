//! The rules of the house, checked: which way dependencies point, who may name what, how long files and
//! functions get, and that every file says what it is for. One crate has no compiler wall; this is it.
#![cfg(not(target_arch = "wasm32"))]

use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a file without its unit tests.
const FILE_LINES_MAX: usize = 500;
/// Lines of a Rust function: a screen.
const FUNCTION_LINES_MAX: usize = 70;

/// Which other modules of the crate a module may name.
const LAYERS: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("model", &["error"]),
    ("btree", &["error", "model"]),
    ("planner", &["error", "model"]),
    ("columnstore", &["error", "model", "planner"]),
    ("storage", &["error", "model", "planner", "btree", "columnstore"]),
    // The port is where the two meet.
    ("platform", &["error", "model", "storage::port"]),
    ("wasm", &["error", "model", "platform", "storage"]),
];

/// Names that belong to few modules.
const HOME_OF: &[(&str, &[&str])] = &[
    ("rusqlite", &["src/platform/"]),
    ("sqlite_wasm", &["src/platform/"]),
    ("web_sys", &["src/platform/", "src/wasm/"]),
    ("js_sys", &["src/platform/", "src/wasm/"]),
    ("wasm_bindgen", &["src/platform/", "src/wasm/"]),
    ("SystemTime", &["src/platform/clock.rs"]),
    ("Date::now", &["src/platform/clock.rs"]),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &str, endings: &[&str]) -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries.flatten() {
            let path = entry.path();
            let name = entry.file_name();
            let generated = ["dist", "node_modules", "target", "results"];
            if path.is_dir() && !generated.iter().any(|g| name == *g) {
                walk(&path, found);
            } else if path.is_file() {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), &mut found);
    found.sort();
    found
        .into_iter()
        .filter(|path| endings.iter().any(|ending| path.to_string_lossy().ends_with(ending)))
        .map(|path| {
            let name = path
                .strip_prefix(root())
                .expect("below the root")
                .to_string_lossy()
                .replace('\\', "/");
            (name, fs::read_to_string(path).expect("is text"))
        })
        .collect()
}

fn rust() -> Vec<(String, String)> {
    files("src", &[".rs"])
}

/// The code without unit tests and comments.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]").next().unwrap_or(text);
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn fail_if_any(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn dependencies_point_one_way() {
    let mut problems = Vec::new();
    for (name, text) in rust() {
        let module = name
            .trim_start_matches("src/")
            .trim_end_matches(".rs")
            .split('/')
            .next()
            .unwrap_or_default()
            .to_owned();
        let Some((_, allowed)) = LAYERS.iter().find(|(layer, _)| *layer == module) else {
            continue;
        };
        for (layer, _) in LAYERS {
            let named = code(&text);
            for (at, _) in named.match_indices(&format!("crate::{layer}")) {
                let path = &named[at + "crate::".len()..];
                let free = *layer == module || allowed.iter().any(|a| path.starts_with(a));
                if !free {
                    problems
                        .push(format!("{name} names {}", path.lines().next().unwrap_or_default()));
                }
            }
        }
    }
    fail_if_any(&problems);
}

#[test]
fn hosts_are_named_only_where_they_live() {
    let mut problems = Vec::new();
    for (name, text) in rust() {
        for (word, homes) in HOME_OF {
            if code(&text).contains(word) && !homes.iter().any(|home| name.starts_with(home)) {
                problems.push(format!("{name} names {word}, whose home is {}", homes.join(", ")));
            }
        }
    }
    fail_if_any(&problems);
}

#[test]
fn files_fit_in_a_head() {
    let mut all = rust();
    all.extend(files("src", &[".ts"]));
    for folder in ["www", "benches", "kernels", "xtask", "scripts", "tests", "fuzz"] {
        all.extend(files(folder, &[".ts", ".rs", ".mjs", ".css"]));
    }
    let problems: Vec<_> = all
        .iter()
        .map(|(name, text)| {
            (name, text.split("#[cfg(test)]").next().unwrap_or(text).lines().count())
        })
        .filter(|(_, lines)| *lines > FILE_LINES_MAX)
        .map(|(name, lines)| format!("{name} has {lines} lines, more than {FILE_LINES_MAX}"))
        .collect();
    fail_if_any(&problems);
}

#[test]
fn functions_fit_on_a_screen() {
    let mut problems = Vec::new();
    for (name, text) in rust() {
        let mut open: Option<(usize, usize, String)> = None;
        for (number, line) in code(&text).lines().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let begins = line.trim_start();
            let begins = begins
                .strip_prefix("pub ")
                .or_else(|| begins.strip_prefix("pub(super) "))
                .unwrap_or(begins);
            let begins = begins
                .strip_prefix("const ")
                .or_else(|| begins.strip_prefix("async "))
                .unwrap_or(begins);
            if open.is_none() && begins.starts_with("fn ") {
                open = Some((number, indent, begins.to_owned()));
            }
            if let Some((start, at, signature)) = &open
                && line.trim_end() == format!("{}}}", " ".repeat(*at))
            {
                if number - start > FUNCTION_LINES_MAX {
                    problems.push(format!("{name}: {signature} has {} lines", number - start));
                }
                open = None;
            }
        }
    }
    fail_if_any(&problems);
}

#[test]
fn every_module_says_what_it_is_for() {
    let problems: Vec<_> = rust()
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//! "))
        .map(|(name, _)| format!("{name} does not begin with //!"))
        .collect();
    fail_if_any(&problems);
}

#[test]
fn no_rust_file_is_dead() {
    let all = rust();
    let problems: Vec<_> = all
        .iter()
        .filter(|(name, _)| name != "src/lib.rs")
        .filter(|(name, _)| {
            let path = Path::new(name);
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let is_mod = stem == "mod";
            let folder = path.parent().unwrap_or(Path::new(""));
            let module = if is_mod {
                folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
            } else {
                stem
            };
            !all.iter().any(|(_, text)| {
                text.lines().any(|line| line.trim().ends_with(&format!("mod {module};")))
            })
        })
        .map(|(name, _)| format!("{name} is declared by no module"))
        .collect();
    fail_if_any(&problems);
}

#[test]
fn the_repository_names_no_machine() {
    let home = ["/ro", "ot/"].concat();
    let work = ["/wo", "rk/"].concat();
    let mut all = rust();
    for folder in ["src", "www", "benches", "kernels", "xtask", "scripts", "tests", "fuzz", "docs"]
    {
        all.extend(files(folder, &[".ts", ".rs", ".mjs", ".json", ".md", ".html", ".css"]));
    }
    let problems: Vec<_> = all
        .iter()
        .filter(|(_, text)| text.contains(&home) || text.contains(&work))
        .map(|(name, _)| format!("{name} holds a path of a machine"))
        .collect();
    fail_if_any(&problems);
}
