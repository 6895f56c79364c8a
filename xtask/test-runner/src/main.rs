//! Runs a wasm test binary in a browser through WebDriver. Cargo calls it; `cargo xtask test` sets that up.

fn main() -> anyhow::Result<()> {
    wasm_bindgen_cli::wasm_bindgen_test_runner::run_cli_with_args(std::env::args_os())
}
