//! The client against payloads, requests and signatures of others, and against a small exchange on loopback that does as it
//! is told.

mod exchange;
mod faults;
mod feed;
mod fixtures;
mod intake;
mod made_up;
mod oddities;
mod paid;
mod parsing;
mod payloads;
mod requests;
mod scenarios;
mod signs;
mod simulated;
