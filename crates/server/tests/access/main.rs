//! Who gets in, and who does not: the protected router in process, over a sandbox's Parameter Store, on
//! tokio's paused clock.

mod alb;
#[path = "../support/answer.rs"]
mod answer;
mod audit;
mod browser;
mod proxy;
mod sessions;
mod support;
mod tokens;
