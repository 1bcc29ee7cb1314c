//! Subscription state of a socket: wanted, sent, confirmed, refused. Times are arguments; nothing is sent
//! here.
//!
//! Acknowledgements do not name a symbol. They arrive in the order of the requests, so each is matched to the
//! oldest open request of its channel; the first row of a subscription confirms it too.

use super::channel::Channel;
use crate::domain::time::Span;
use std::collections::VecDeque;

/// One subscription: a channel of a symbol (its slot on the socket).
#[derive(Clone, Debug)]
struct Entry {
    symbol: usize,
    channel: Channel,
    state: SubscriptionState,
    is_served: bool,
    /// When it is sent again unless confirmed.
    again_at: Span,
    wait: Span,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum SubscriptionState {
    Wanted,
    Sent,
    Confirmed,
    Refused,
}

/// All subscriptions of a socket.
#[derive(Clone, Debug)]
pub struct Subscriptions {
    entries: Vec<Entry>,
    /// Indexes of entries that were sent and not answered, oldest first.
    unanswered: VecDeque<usize>,
    /// Entry index of each symbol's channels; looked up for every message.
    indexes: Vec<[Option<usize>; Channel::ALL.len()]>,
    between: Span,
    confirm: Span,
    next_at: Span,
    is_complete_reported: bool,
}

/// Longest wait before an unconfirmed subscription is sent again.
const LONGEST_CONFIRM: Span = Span::from_seconds(60);

impl Subscriptions {
    /// `wanted`: symbol and channel in sending order; `between`: minimum time between two requests;
    /// `confirm`: wait before a request is sent again.
    pub fn new(wanted: impl IntoIterator<Item = (usize, Channel)>, between: Span, confirm: Span) -> Self {
        let (entries, unanswered, indexes) = (Vec::new(), VecDeque::new(), Vec::new());
        let mut subscriptions = Subscriptions {
            entries,
            unanswered,
            indexes,
            between,
            confirm,
            next_at: Span::ZERO,
            is_complete_reported: false,
        };
        wanted.into_iter().for_each(|(symbol, channel)| subscriptions.add(symbol, channel));
        subscriptions
    }

    fn add(&mut self, symbol: usize, channel: Channel) {
        if self.indexes.len() <= symbol {
            self.indexes.resize(symbol + 1, [None; Channel::ALL.len()]);
        }
        self.indexes[symbol][channel as usize] = Some(self.entries.len());
        let wait = self.confirm;
        self.entries.push(Entry {
            symbol,
            channel,
            state: SubscriptionState::Wanted,
            is_served: false,
            again_at: Span::ZERO,
            wait,
        });
    }

    /// A new connection starts without confirmations; refused subscriptions stay refused.
    pub fn connected(&mut self, now: Span) {
        for entry in self.entries.iter_mut().filter(|entry| entry.state != SubscriptionState::Refused) {
            (entry.state, entry.is_served, entry.wait) = (SubscriptionState::Wanted, false, self.confirm);
        }
        self.unanswered.clear();
        self.next_at = now;
        self.is_complete_reported = false;
    }

    /// The subscription to send now, if one is due.
    pub fn due(&mut self, now: Span) -> Option<(usize, Channel)> {
        if now < self.next_at {
            return None;
        }
        let wanted = |entry: &Entry| match entry.state {
            SubscriptionState::Wanted => true,
            SubscriptionState::Sent => entry.again_at <= now,
            // A ticker arrives every few seconds, so an acknowledged but silent one was not really
            // subscribed.
            SubscriptionState::Confirmed => {
                entry.channel == Channel::Ticker && !entry.is_served && entry.again_at <= now
            }
            SubscriptionState::Refused => false,
        };
        // New ones go before repeats, so that a subscription that stays unanswered delays no other.
        let fresh = self.entries.iter().position(|entry| entry.state == SubscriptionState::Wanted);
        let at = fresh.or_else(|| self.entries.iter().position(wanted))?;
        let entry = &mut self.entries[at];
        entry.again_at = now + entry.wait;
        if entry.state == SubscriptionState::Wanted {
            entry.state = SubscriptionState::Sent;
        } else {
            entry.wait = (entry.wait + entry.wait).min(LONGEST_CONFIRM.max(self.confirm));
        }
        self.unanswered.retain(|open| *open != at);
        self.unanswered.push_back(at);
        self.next_at = now + self.between;
        Some((entry.symbol, entry.channel))
    }

    /// A channel was acknowledged; returns the symbol whose subscription this confirms for the first time.
    pub fn acknowledged(&mut self, channel: Channel) -> Option<usize> {
        let position = self.unanswered.iter().position(|open| self.entries[*open].channel == channel)?;
        let at = self.unanswered.remove(position)?;
        self.confirm(at)
    }

    /// A row arrived; returns whether it confirms the subscription for the first time.
    pub fn served(&mut self, symbol: usize, channel: Channel) -> bool {
        let Some(at) = self.indexes.get(symbol).and_then(|indexes| indexes[channel as usize]) else {
            return false;
        };
        if self.entries[at].is_served {
            return false;
        }
        self.entries[at].is_served = true;
        self.confirm(at).is_some()
    }

    /// Whether a symbol's ticker is subscribed; it arrives every few seconds even in a quiet market.
    pub fn has_ticker(&self, symbol: usize) -> bool {
        let ticker = self.indexes.get(symbol).and_then(|indexes| indexes[Channel::Ticker as usize]);
        ticker.is_some_and(|at| self.entries[at].state != SubscriptionState::Refused)
    }

    /// Subscribes a silent symbol again, all channels.
    pub fn again(&mut self, symbol: usize) {
        for entry in self
            .entries
            .iter_mut()
            .filter(|entry| entry.symbol == symbol && entry.state != SubscriptionState::Refused)
        {
            (entry.state, entry.is_served, entry.wait) = (SubscriptionState::Wanted, false, self.confirm);
        }
        self.unanswered.retain(|open| self.entries[*open].symbol != symbol);
    }

    /// The symbol of a refusal that names none: certain only when a single request is open.
    pub fn refused_unnamed(&self) -> Option<usize> {
        let mut open = self
            .unanswered
            .iter()
            .map(|at| &self.entries[*at])
            .filter(|entry| entry.state == SubscriptionState::Sent);
        let first = open.next()?;
        open.next().is_none().then_some(first.symbol)
    }

    /// Gives up a symbol. When its ticker was the only one left, another symbol's is subscribed for liveness.
    pub fn refuse(&mut self, symbol: usize) {
        for entry in self.entries.iter_mut().filter(|entry| entry.symbol == symbol) {
            entry.state = SubscriptionState::Refused;
        }
        self.unanswered.retain(|open| self.entries[*open].symbol != symbol);
        let left = || self.entries.iter().filter(|entry| entry.state != SubscriptionState::Refused);
        let has_ticker = left().any(|entry| entry.channel == Channel::Ticker);
        if let Some(other) = left().map(|entry| entry.symbol).next().filter(|_| !has_ticker) {
            self.add(other, Channel::Ticker);
        }
    }

    /// Whether a symbol was refused.
    pub fn is_refused(&self, symbol: usize) -> bool {
        self.entries.iter().any(|entry| entry.symbol == symbol && entry.state == SubscriptionState::Refused)
    }

    /// Whether all subscriptions were refused.
    pub fn is_empty(&self) -> bool {
        self.entries.iter().all(|entry| entry.state == SubscriptionState::Refused)
    }

    /// True once per connection: when everything is confirmed or refused.
    pub fn became_complete(&mut self) -> bool {
        let is_complete = self
            .entries
            .iter()
            .all(|entry| matches!(entry.state, SubscriptionState::Confirmed | SubscriptionState::Refused));
        is_complete && !std::mem::replace(&mut self.is_complete_reported, is_complete)
    }

    fn confirm(&mut self, at: usize) -> Option<usize> {
        let entry = &mut self.entries[at];
        if matches!(entry.state, SubscriptionState::Confirmed | SubscriptionState::Refused) {
            return None;
        }
        entry.state = SubscriptionState::Confirmed;
        Some(entry.symbol)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: i64) -> Span {
        Span::from_millis(ms)
    }

    fn subscriptions(symbols: usize, channels: &[Channel]) -> Subscriptions {
        let wanted = (0..symbols).flat_map(|symbol| channels.iter().map(move |channel| (symbol, *channel)));
        let mut subscriptions = Subscriptions::new(wanted.collect::<Vec<_>>(), ms(100), ms(10_000));
        subscriptions.connected(ms(0));
        subscriptions
    }

    #[test]
    fn subscriptions_go_out_at_their_pace() {
        let mut subscriptions = subscriptions(30, &[Channel::Deal, Channel::Ticker]);
        let sent: Vec<i64> = (0..10_000).filter(|at| subscriptions.due(ms(*at)).is_some()).collect();
        assert_eq!(sent.len(), 60);
        assert!(sent.windows(2).all(|pair| pair[1] - pair[0] >= 100));
    }

    #[test]
    fn an_acknowledgement_belongs_to_the_oldest_request_of_its_channel() {
        let mut subscriptions = subscriptions(3, &[Channel::Deal]);
        for at in 0..3 {
            subscriptions.due(ms(at * 100));
        }
        assert_eq!(subscriptions.acknowledged(Channel::Ticker), None);
        assert_eq!(subscriptions.acknowledged(Channel::Deal), Some(0));
        assert!(subscriptions.served(1, Channel::Deal));
        assert!(!subscriptions.served(1, Channel::Deal));
        assert_eq!(subscriptions.acknowledged(Channel::Deal), None, "of symbol 1, which a row confirmed");
        assert!(!subscriptions.became_complete());
        assert_eq!(subscriptions.acknowledged(Channel::Deal), Some(2));
        assert!(subscriptions.became_complete() && !subscriptions.became_complete());
        assert_eq!(subscriptions.due(ms(60_000)), None);
    }

    #[test]
    fn what_nobody_confirms_is_sent_again_and_holds_up_nobody() {
        let mut subscriptions = subscriptions(2, &[Channel::Deal, Channel::Ticker]);
        let sent: Vec<_> = (0..4).map(|at| subscriptions.due(ms(at * 100)).unwrap()).collect();
        assert_eq!(
            sent,
            [(0, Channel::Deal), (0, Channel::Ticker), (1, Channel::Deal), (1, Channel::Ticker)]
        );
        assert_eq!(subscriptions.acknowledged(Channel::Deal), Some(0));
        assert_eq!(subscriptions.acknowledged(Channel::Ticker), Some(0));
        assert_eq!(subscriptions.acknowledged(Channel::Ticker), Some(1));
        subscriptions.served(1, Channel::Ticker);
        assert_eq!(subscriptions.due(ms(9_999)), None);
        assert_eq!(subscriptions.due(ms(10_400)), Some((0, Channel::Ticker)), "acknowledged, never served");
        assert_eq!(subscriptions.due(ms(10_500)), Some((1, Channel::Deal)), "never acknowledged");
        assert_eq!(subscriptions.due(ms(20_000)), None);
        assert_eq!(subscriptions.due(ms(30_400)), Some((0, Channel::Ticker)), "twenty seconds later");
    }

    #[test]
    fn one_refused_symbol_leaves_the_others_alone() {
        let mut subscriptions = subscriptions(30, &[Channel::Deal, Channel::Depth]);
        subscriptions.add(7, Channel::Ticker);
        for at in 0..61 {
            subscriptions.due(ms(at * 100));
        }
        assert_eq!(subscriptions.refused_unnamed(), None, "it could be any of them");
        subscriptions.refuse(7);
        assert!(subscriptions.is_refused(7) && !subscriptions.is_empty());
        for _ in 0..29 {
            assert_ne!(subscriptions.acknowledged(Channel::Deal), Some(7));
            assert!(subscriptions.acknowledged(Channel::Depth).is_some());
        }
        assert!(!subscriptions.became_complete(), "the sign of life moved to another symbol");
        assert_eq!(subscriptions.due(ms(7_000)), Some((0, Channel::Ticker)));
        assert_eq!(subscriptions.acknowledged(Channel::Ticker), Some(0));
        assert!(subscriptions.became_complete());
        subscriptions.connected(ms(100_000));
        let again: Vec<_> = (0..61).filter_map(|at| subscriptions.due(ms(100_000 + at * 100))).collect();
        assert_eq!(again.len(), 59);
        assert!(again.iter().all(|(symbol, _)| *symbol != 7));
    }

    #[test]
    fn a_silent_symbol_is_subscribed_anew_and_alone() {
        let mut subscriptions = subscriptions(2, &[Channel::Deal, Channel::Ticker]);
        assert!((0..4).all(|at| subscriptions.due(ms(at * 100)).is_some()));
        for (symbol, channel) in
            [(0, Channel::Deal), (0, Channel::Ticker), (1, Channel::Deal), (1, Channel::Ticker)]
        {
            assert!(subscriptions.served(symbol, channel) && subscriptions.has_ticker(symbol));
        }
        subscriptions.again(1);
        assert_eq!(subscriptions.due(ms(1_000)), Some((1, Channel::Deal)));
        assert_eq!(subscriptions.due(ms(1_100)), Some((1, Channel::Ticker)));
        assert_eq!(subscriptions.due(ms(1_200)), None);
        assert_eq!(subscriptions.acknowledged(Channel::Deal), None, "of symbol 0, which a row confirmed");
        assert_eq!(subscriptions.acknowledged(Channel::Deal), Some(1));
        assert!(subscriptions.served(1, Channel::Ticker) && !subscriptions.served(0, Channel::Deal));
        subscriptions.refuse(1);
        assert!(!subscriptions.has_ticker(1));
        subscriptions.again(1);
        assert_eq!(subscriptions.due(ms(2_000)), None, "what was refused stays refused");
    }

    #[test]
    fn a_nameless_refusal_is_certain_when_one_request_is_open() {
        let mut subscriptions = subscriptions(2, &[Channel::Deal]);
        subscriptions.due(ms(0));
        assert_eq!(subscriptions.refused_unnamed(), Some(0));
        subscriptions.due(ms(100));
        assert_eq!(subscriptions.refused_unnamed(), None);
        assert!(subscriptions.served(0, Channel::Deal));
        assert_eq!(subscriptions.refused_unnamed(), Some(1), "the other is served");
    }
}
