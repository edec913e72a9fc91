//! Does one case some number of times: for callgrind, which counts the instructions of the whole
//! process. `benches/instructions.py` runs it with two numbers and takes the difference.
//!
//! `instructions CASE TIMES`; `instructions` alone prints the cases.

use std::process::ExitCode;

use maintenance_benches::{CASES, case, request_of};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(name), Some(times)) = (arguments.next(), arguments.next()) else {
        println!("{}", CASES.join("\n"));
        return ExitCode::SUCCESS;
    };
    let Ok(times) = times.parse::<usize>() else {
        eprintln!("{times:?} is not a number");
        return ExitCode::from(2);
    };
    let mut work = case(&name);
    // All requests are made before, so that to make one is counted the same in every case.
    let requests: Vec<_> = (0..times).map(|_| request_of(&name)).collect();
    for request in requests {
        work(request);
    }
    ExitCode::SUCCESS
}
