//! Client tests against recorded payloads, requests and signatures, and against a small scripted exchange on
//! loopback.

mod exchange;
mod faults;
mod feed;
mod fixtures;
mod made_up;
mod oddities;
mod paid;
mod parsing;
mod payloads;
mod private;
mod requests;
mod scenarios;
mod signs;
mod simulated;
mod sink;
