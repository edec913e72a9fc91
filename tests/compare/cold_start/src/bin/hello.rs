//! Nothing: what any program costs.

fn main() {
    println!("Hello, world.");
}
