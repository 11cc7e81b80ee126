//! The program `throughline`; see `throughline --help`.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
