//! A tokio runtime and nothing else: what a handler has without a gate.

fn main() {
    cold_start::on_a_runtime(async { println!("Hello, world.") });
}
