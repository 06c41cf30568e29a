//! Writes the generated TypeScript to standard output: `cargo run -p parley-wire --example contract`.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(parley_wire::typescript().as_bytes())
}
