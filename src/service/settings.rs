//! The configuration in force.

use crate::config::Config;
use arc_swap::ArcSwap;
use serde::Serialize;
use std::sync::Arc;

/// interim
pub struct Settings(ArcSwap<Config>);

/// interim
#[derive(Serialize)]
pub struct Status {
    /// version
    pub version: u64,
}

impl Settings {
    /// interim
    pub fn new(config: Config) -> Self {
        Settings(ArcSwap::from_pointee(config))
    }
    /// interim
    pub fn current(&self) -> Arc<Config> {
        self.0.load_full()
    }
    /// interim
    pub fn status(&self) -> Status {
        Status { version: 1 }
    }
}
