//! Closed trades added up: wins, losses, draws and what they earned and cost. All money exact, so the order of the
//! trades does not matter.

use crate::domain::ledger::ClosedTrade;
use crate::domain::num::Money;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// How a trade ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Net above zero.
    Win,
    /// Net below zero: a trade that lost no more than its fees is a loss.
    Loss,
    /// Net exactly zero, and nothing else.
    Draw,
}

impl Outcome {
    /// How this trade ended.
    pub fn of(trade: &ClosedTrade) -> Outcome {
        match trade.net().cmp(&Money::ZERO) {
            Ordering::Greater => Outcome::Win,
            Ordering::Less => Outcome::Loss,
            Ordering::Equal => Outcome::Draw,
        }
    }

    /// `win`, `loss` or `draw`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Outcome::Win => "win",
            Outcome::Loss => "loss",
            Outcome::Draw => "draw",
        }
    }
}

/// A sum over trades.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Tally {
    /// All trades.
    pub trades: u64,
    /// Wins.
    pub wins: u64,
    /// Losses.
    pub losses: u64,
    /// Neither.
    pub draws: u64,
    /// Before fees and funding.
    pub gross: Money,
    /// Fees paid.
    pub fees: Money,
    /// Funding received.
    pub funding: Money,
    /// After fees and funding.
    pub net: Money,
    /// Σ net of the wins.
    pub profit: Money,
    /// Σ |net| of the losses.
    pub loss: Money,
    /// Largest win, zero without one.
    pub largest_win: Money,
    /// Largest loss, positive, zero without one.
    pub largest_loss: Money,
    /// Σ slippage where it was known; positive costs.
    pub slippage: Money,
    /// Trades whose slippage was known.
    pub slippage_known: u64,
}

impl Tally {
    /// One more trade.
    pub fn add(&mut self, trade: &ClosedTrade) {
        let net = trade.net();
        self.trades += 1;
        self.gross += trade.gross;
        self.fees += trade.fees;
        self.funding += trade.funding;
        self.net += net;
        match Outcome::of(trade) {
            Outcome::Win => {
                self.wins += 1;
                self.profit += net;
                self.largest_win = self.largest_win.max(net);
            }
            Outcome::Loss => {
                self.losses += 1;
                self.loss -= net;
                self.largest_loss = self.largest_loss.max(-net);
            }
            Outcome::Draw => self.draws += 1,
        }
        if let Some(slippage) = trade.slippage {
            self.slippage += slippage;
            self.slippage_known += 1;
        }
    }

    /// Wins over all trades; `None` without trades.
    pub fn win_rate(&self) -> Option<f64> {
        (self.trades > 0).then(|| self.wins as f64 / self.trades as f64)
    }
}

impl<'a> FromIterator<&'a ClosedTrade> for Tally {
    fn from_iter<I: IntoIterator<Item = &'a ClosedTrade>>(trades: I) -> Tally {
        let mut tally = Tally::default();
        trades.into_iter().for_each(|trade| tally.add(trade));
        tally
    }
}

/// Trades added up per key, in the order of the keys.
pub fn grouped<K: Ord>(trades: &[ClosedTrade], key: impl Fn(&ClosedTrade) -> K) -> Vec<(K, Tally)> {
    let mut groups = BTreeMap::<K, Tally>::new();
    for trade in trades {
        groups.entry(key(trade)).or_default().add(trade);
    }
    groups.into_iter().collect()
}

/// Longest rows of wins and of losses. A draw ends either.
pub fn longest_streaks(trades: &[ClosedTrade]) -> (u64, u64) {
    let (mut wins, mut losses, mut most_wins, mut most_losses) = (0, 0, 0, 0);
    for trade in trades {
        (wins, losses) = match Outcome::of(trade) {
            Outcome::Win => (wins + 1, 0),
            Outcome::Loss => (0, losses + 1),
            Outcome::Draw => (0, 0),
        };
        (most_wins, most_losses) = (wins.max(most_wins), losses.max(most_losses));
    }
    (most_wins, most_losses)
}
