//! A running session, and its life on its thread.

pub(super) mod commands;
pub(super) mod controls;
pub(super) mod ending;
pub(super) mod event_sink;
pub(super) mod life;
pub(super) mod log;
pub(super) mod outcome;
pub(super) mod progress;
pub(super) mod recorder;
pub(super) mod running;
pub(super) mod snapshot;
pub(super) mod state;
pub(super) mod stream;
pub(super) mod view;
pub(super) mod watcher;
