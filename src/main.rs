//! Arguments to exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    passport_gateway::cli::main().into()
}
