//! An exchange to rehearse on: REST and WebSocket of MEXC futures on loopback, from recorded market data, with orders
//! matched against it and faults on demand.
//!
//! Never: an address other machines can reach, a fault nobody asked for, a key that is a real one.
