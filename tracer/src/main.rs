//! The binary `ctrace`.

fn main() -> std::process::ExitCode {
    tracer::run::main()
}
