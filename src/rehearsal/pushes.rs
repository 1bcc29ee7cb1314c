//! What is still to be pushed: frames that are held back, and how far the pushes of a symbol are.

use super::topics::Topic;
use crate::domain::num::Price;
use crate::domain::order::Side;

/// Recipient of a delayed frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum To {
    /// All subscribers of a topic.
    Topic(Topic),
    /// One socket.
    Socket(u64),
}

/// A delayed frame.
#[derive(Clone, Debug)]
pub struct Later {
    /// When it is due, true time; `None`: after the next frame of its topic.
    pub due_ms: Option<i64>,
    /// Recipient.
    pub to: To,
    /// The frame.
    pub text: String,
}

/// Push state of one symbol.
#[derive(Debug)]
pub struct PushState {
    pub changed: Vec<(Side, Price)>,
    /// First version that is not in a merged frame yet.
    pub begin: u64,
    pub merged_ms: i64,
    pub full_ms: i64,
    pub full_version: u64,
    pub ticker_ms: i64,
    pub kline_ms: i64,
    pub has_new_deals: bool,
    pub mark_ms: i64,
    pub fair: Option<Price>,
    /// Versions still to be skipped, in merged frames and in single ones.
    pub skipped: [u64; 2],
    /// Whether the ticker changed since the list of tickers was last sent.
    pub ticker_changed: bool,
}

impl PushState {
    /// Nothing sent yet.
    pub fn new(now_ms: i64) -> Self {
        PushState {
            changed: Vec::new(),
            begin: 0,
            merged_ms: now_ms,
            full_ms: now_ms,
            full_version: 0,
            ticker_ms: now_ms,
            kline_ms: now_ms,
            has_new_deals: false,
            mark_ms: now_ms,
            fair: None,
            skipped: [0; 2],
            ticker_changed: false,
        }
    }

    /// Skips this many versions.
    pub fn skip(&mut self, versions: u64) {
        self.skipped = [versions; 2];
    }

    /// Lets the fair and the index price be pushed again.
    pub fn show_marks_again(&mut self) {
        self.fair = None;
    }

    /// Drops the changes that wait to be merged.
    pub fn forget(&mut self) {
        self.changed.clear();
    }
}
