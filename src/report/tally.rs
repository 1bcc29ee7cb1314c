//! Sums over closed trades: wins, losses, draws, results and costs. Amounts are exact, so the order of the
//! trades does not matter.

use crate::domain::ledger::ClosedTrade;
use crate::domain::num::Money;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Outcome of a trade, by its net result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Net above zero.
    Win,
    /// Net below zero, even if only by fees.
    Loss,
    /// Net exactly zero.
    Draw,
}

impl Outcome {
    /// The outcome of a trade.
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

/// Sums over trades.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Tally {
    /// Number of trades.
    pub trades: u64,
    /// Number of wins.
    pub wins: u64,
    /// Number of losses.
    pub losses: u64,
    /// Number of draws.
    pub draws: u64,
    /// Result before fees and funding.
    pub gross: Money,
    /// Fees paid.
    pub fees: Money,
    /// Funding received.
    pub funding: Money,
    /// Result after fees and funding.
    pub net: Money,
    /// Σ net of the wins.
    pub profit: Money,
    /// Σ |net| of the losses.
    pub loss: Money,
    /// Largest win; zero without a win.
    pub largest_win: Money,
    /// Largest loss as a positive amount; zero without a loss.
    pub largest_loss: Money,
    /// Σ slippage where known; positive is a cost.
    pub slippage: Money,
    /// Number of trades with known slippage.
    pub slippage_known: u64,
}

impl Tally {
    /// Adds a trade.
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

    /// Wins in percent of all trades; `None` without trades.
    pub fn win_rate_pct(&self) -> Option<f64> {
        (self.trades > 0).then(|| 100.0 * self.wins as f64 / self.trades as f64)
    }
}

impl<'a> FromIterator<&'a ClosedTrade> for Tally {
    fn from_iter<I: IntoIterator<Item = &'a ClosedTrade>>(trades: I) -> Tally {
        let mut tally = Tally::default();
        trades.into_iter().for_each(|trade| tally.add(trade));
        tally
    }
}

/// Sums per key, in the order of the keys.
pub fn grouped<K: Ord>(trades: &[ClosedTrade], key: impl Fn(&ClosedTrade) -> K) -> Vec<(K, Tally)> {
    let mut groups = BTreeMap::<K, Tally>::new();
    for trade in trades {
        groups.entry(key(trade)).or_default().add(trade);
    }
    groups.into_iter().collect()
}

/// Longest streaks of wins and of losses; a draw ends both.
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
