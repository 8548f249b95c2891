//! The `steamward` command. Everything is in the library; this only picks the exit code.

fn main() {
    std::process::exit(steamward::cli::main());
}
