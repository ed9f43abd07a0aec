//! The program's entry.

fn main() -> std::process::ExitCode {
    missvae::main()
}
