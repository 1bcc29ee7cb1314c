//! Buffer of messages that wait for a snapshot.

use super::{BookChange, BookMessage};
use crate::domain::time::Timestamp;
use crate::limits;
use std::collections::VecDeque;

/// Messages in version order, bounded: changes plus messages are at most [`limits::EXCHANGE_BOOK_BUFFER`].
#[derive(Default, Debug)]
pub struct PendingMessages {
    messages: VecDeque<Head>,
    /// The changes of all messages, one after the other.
    changes: VecDeque<BookChange>,
}

#[derive(Clone, Copy, Debug)]
struct Head {
    begin: u64,
    end: u64,
    at: Timestamp,
    count: usize,
}

impl PendingMessages {
    pub fn clear(&mut self) {
        self.messages.clear();
        self.changes.clear();
    }

    /// Last version of the newest message.
    pub fn end(&self) -> Option<u64> {
        self.messages.back().map(|head| head.end)
    }

    /// First version of the first message that ends after `version`.
    pub fn first_behind(&self, version: u64) -> Option<u64> {
        self.messages.iter().find(|head| head.end > version).map(|head| head.begin)
    }

    /// Appends a message and drops the oldest ones when full; returns the last version dropped. An empty
    /// message counts as one change, so that empty messages are bounded too.
    pub fn push(&mut self, message: BookMessage<'_>) -> Option<u64> {
        self.messages.push_back(Head {
            begin: message.begin,
            end: message.end,
            at: message.at,
            count: message.changes.len(),
        });
        self.changes.extend(message.changes);
        let mut forgotten = None;
        while self.changes.len() + self.messages.len() > limits::EXCHANGE_BOOK_BUFFER {
            let Some(head) = self.messages.pop_front() else { break };
            self.changes.drain(..head.count);
            forgotten = Some(head.end);
        }
        forgotten
    }

    /// Passes all messages to `each`, oldest first, and clears the buffer.
    pub fn drain(&mut self, mut each: impl FnMut(BookMessage<'_>)) {
        let changes = self.changes.make_contiguous();
        let mut from = 0;
        for head in &self.messages {
            each(BookMessage {
                begin: head.begin,
                end: head.end,
                at: head.at,
                changes: &changes[from..from + head.count],
            });
            from += head.count;
        }
        self.clear();
    }
}
