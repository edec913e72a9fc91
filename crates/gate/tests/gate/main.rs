//! The gate as its users meet it: through its public interface, around real services, in real
//! processes. One binary, since linking the AWS SDK once is enough.

mod announcements;
mod answers_fuzz;
mod aws_shapes;
mod axum_app;
mod bypass;
mod bypass_addresses;
mod bypass_fuzz;

mod decision;
mod environment;
mod events;
mod examples;
mod extension;
mod freshness;
mod lambda_events;
mod lazy_app;
mod negotiation;
mod pages;
mod pass_through;
mod scheduled;
mod services;
mod source_contract;
mod source_faults;
mod ssm;
mod support;
mod versions;
mod waiting;
mod web_sockets;
