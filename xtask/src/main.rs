//! Build steps that need Rust: `cargo xtask wasm` makes the module and its glue, `cargo xtask test`
//! runs the wasm tests in Chromium.
//!
//! It does not know TypeScript, bundlers or the npm package: `scripts/build.mjs` does.

mod sqlite;
mod wasm;

use std::env;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail, ensure};

const USAGE: &str = "cargo xtask wasm --release | --test
cargo xtask test [arguments of cargo test]";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["wasm", "--release"] => wasm::build(&wasm::RELEASE),
        ["wasm", "--test"] => wasm::build(&wasm::TEST),
        ["test", rest @ ..] => test(rest),
        _ => bail!("usage:\n{USAGE}"),
    }
}

/// The wasm tests, in the profile of the test build so that its compiled dependencies serve both.
fn test(arguments: &[&str]) -> Result<()> {
    execute(cargo().args(["build", "--package", "wasm-test-runner"]))?;
    let runner = target().join("debug/wasm-test-runner");
    execute(
        cargo()
            .args(["test", "--target", wasm::TARGET, "--profile", wasm::TEST.profile])
            .args(arguments)
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", runner)
            .env("WASM_BINDGEN_TEST_TIMEOUT", "300"),
    )
}

/// Root of the repository.
fn root() -> PathBuf {
    let xtask = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().expect("the crate is a folder of the repository").to_owned()
}

fn target() -> PathBuf {
    root().join("target")
}

fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

fn execute(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_owned();
    let status = command.status().with_context(|| format!("{} did not start", name.display()))?;
    ensure!(status.success(), "{} ended with {status}", name.display());
    Ok(())
}
