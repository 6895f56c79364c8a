//! From the crate to `target/wasm-bindgen/<profile>/`: cargo, wasm-bindgen, and wasm-opt in release.
//!
//! A step is left out where its output is newer than its input; cargo decides about the first one.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

use crate::{cargo, execute, root, sqlite, target};

pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// How a module is built.
pub(crate) struct Flavour {
    /// Profile of cargo, and name of the output folder.
    pub(crate) profile: &'static str,
    features: &'static [&'static str],
    /// For the public: optimised to the end, and without a path of this machine.
    published: bool,
}

/// What the package ships.
pub(crate) const RELEASE: Flavour = Flavour { profile: "release", features: &[], published: true };

/// For tests: built faster, and able to fail on demand.
pub(crate) const TEST: Flavour =
    Flavour { profile: "wasm-test", features: &["faults"], published: false };

/// Builds the module and its glue, as far as they are not up to date.
pub(crate) fn build(flavour: &Flavour) -> Result<()> {
    execute(&mut compile(flavour)?)?;

    let outputs = target().join("wasm-bindgen");
    fs::create_dir_all(&outputs)?;
    // Two builds at once take turns, as they do in cargo.
    let turn = File::create(outputs.join(".lock"))?;
    turn.lock()?;

    let module = target().join(TARGET).join(flavour.profile).join("lotwise.wasm");
    let output = outputs.join(flavour.profile);
    let inputs = [module.clone(), env::current_exe()?];
    if is_newer(&output.join("lotwise_bg.wasm"), &inputs)? {
        return Ok(());
    }

    // Made aside and renamed, so that a build that was stopped half way never looks finished.
    let unfinished = output.with_extension("unfinished");
    remove(&unfinished)?;
    Bindgen::new()
        .input_path(&module)
        .out_name("lotwise")
        .web(true)?
        .typescript(true)
        .ts_typed_array_buffers(true)
        .omit_default_module_path(false)
        .remove_name_section(flavour.published)
        .remove_producers_section(true)
        .generate(&unfinished)?;
    if flavour.published {
        execute(&mut optimise(&unfinished.join("lotwise_bg.wasm")))?;
    }
    remove(&output)?;
    fs::rename(&unfinished, &output)
        .with_context(|| format!("cannot move the result to {}", output.display()))
}

fn compile(flavour: &Flavour) -> Result<Command> {
    let mut command = cargo();
    command.args(["build", "--lib", "--target", TARGET, "--profile", flavour.profile]);
    command.args(["--features", &flavour.features.join(",")]);
    if flavour.published {
        // Only here: these flags are part of cargo's cache key, and other commands do not share the release profile.
        let rust: Vec<String> = private_paths()
            .map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()))
            .collect();
        let c: Vec<String> = private_paths()
            .map(|(from, to)| format!("-ffile-prefix-map={}={to}", from.display()))
            .collect();
        command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", rust.join(" "));
        command.env("SQLITE_WASM_RS_SOURCE_DIR", sqlite::source()?);
        command.env("CFLAGS_wasm32_unknown_unknown", c.join(" "));
    }
    Ok(command)
}

/// Folders of this machine that panic messages and `__FILE__` would name, and what stands for them.
fn private_paths() -> impl Iterator<Item = (PathBuf, &'static str)> {
    let home = env::home_dir().unwrap_or_default();
    let cargo_home = env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
    // Of several that match, the last one counts.
    [(home, "/home"), (cargo_home, "/cargo"), (root(), "/lotwise")].into_iter()
}

/// Not one function into its only caller, but for small ones: the large bodies that this makes have locals by the
/// hundred, compress worse (by 33 KB of 721) and run slower (by a tenth).
/// The stack lies at the bottom of memory, so that no address of anything else is below 1024: additions to
/// addresses may become offsets.
const OPTIMISATIONS: [&str; 5] = [
    "-O3",
    "--converge",
    "--one-caller-inline-max-function-size=20",
    "--low-memory-unused",
    "--reorder-functions",
];

fn optimise(module: &Path) -> Command {
    let bin = root().join("node_modules/.bin");
    let path = env::join_paths(
        std::iter::once(bin.clone())
            .chain(env::split_paths(&env::var_os("PATH").unwrap_or_default())),
    )
    .expect("the parts came from a PATH");
    let mut command = Command::new(bin.join("wasm-opt"));
    command.env("PATH", path).args(OPTIMISATIONS).arg(module).arg("-o").arg(module);
    command
}

fn is_newer(output: &Path, inputs: &[PathBuf]) -> Result<bool> {
    let Ok(made) = modified(output) else { return Ok(false) };
    for input in inputs {
        if modified(input)? > made {
            return Ok(false);
        }
    }
    Ok(true)
}

fn modified(file: &Path) -> Result<SystemTime> {
    let metadata = fs::metadata(file).with_context(|| format!("{} is missing", file.display()))?;
    Ok(metadata.modified()?)
}

fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}
