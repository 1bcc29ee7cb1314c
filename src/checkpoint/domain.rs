//! Values of the domain as bytes.

use super::{Damaged, Plain, Reader, plain};
use crate::domain::book::Book;
use crate::domain::decision::{Guard, SectionName, State, Trigger};
use crate::domain::event::{Gap, GapCause, Level, Trade};
use crate::domain::exit_level::{ExitLevel, MetBy};
use crate::domain::ledger::{ClosedTrade, EquityPoint};
use crate::domain::mark::Mark;
use crate::domain::num::{Money, Price, Qty, Rate};
use crate::domain::order::{InsideBar, OrderId, OrderKind, OrderRequest, Purpose, Side};
use crate::domain::rng::Rng;
use crate::domain::strategy::Comparison;
use crate::domain::symbol::SymbolId;
use crate::domain::time::{Span, Timestamp};

plain!(struct Price(ticks));
plain!(struct Qty(lots));
plain!(struct Money(amount));
plain!(struct Rate(parts));
plain!(struct SymbolId(index));
plain!(struct OrderId(number));

plain!(struct Trade { price, qty, taker });
plain!(struct Level { price, qty });
plain!(struct Mark { price, at });
plain!(struct Gap { from, to, cause });
plain!(
    enum GapCause {
        Disconnect,
        Silence,
        VersionHole,
        Overflow,
        Restart,
        ClockStep,
        Import,
        Halt,
        MissingTrades,
        EmptyBook,
        TradeSilence,
    }
);

plain!(
    enum Side {
        Buy,
        Sell,
    }
);
plain!(
    enum Purpose {
        Entry,
        Exit,
        Emergency,
    }
);
plain!(
    enum OrderKind {
        Market,
        LimitIoc(limit),
        Limit(limit),
    }
);
plain!(struct InsideBar { price, worst });
plain!(struct OrderRequest { id, instance, symbol, side, kind, qty, purpose, leverage, inside_bar });

plain!(
    enum State {
        Inactive,
        Monitoring,
        SignalDetected,
        EntryEvaluation,
        PositionActive,
        CloseOrderEvaluation,
        EmergencyExit,
        Exited,
        SignalCancelled,
        Halted,
    }
);
plain!(
    enum SectionName {
        S1,
        O1,
        Z1,
        Ze1,
        E1,
    }
);
plain!(
    enum Trigger {
        Section(section),
        SignalTimeout,
        EntryTimeout,
        StopLoss,
        TrailingStop,
        BreakEven,
        TakeProfit,
        Ladder,
        MaxHold,
        DataLoss,
        Risk,
        Command,
        Fill,
        Reject,
        Liquidation,
        Cooldown,
        Start,
        End,
        PermanentGuard,
    }
);
plain!(struct ExitLevel { price, met_by });
plain!(
    enum MetBy {
        Mark(price),
        Last(price),
    }
);
plain!(
    enum Guard {
        SymbolDisabled,
        WarmUp,
        Emergency,
        NoPrice,
        SymbolLocked,
        ConcurrentPositions,
        DailyTrades,
        DailyLoss,
        Drawdown,
        ConsecutiveLosses,
        Paused,
        Budget,
        BelowMinimum,
        PositionNotional,
        SymbolExposure,
        TotalExposure,
        Margin,
        Spread,
        Slippage,
        PriceBand,
        LiquidationDistance,
        Leverage,
        OrderRate,
        RiskPerTrade,
    }
);
plain!(
    enum Comparison {
        Greater,
        GreaterOrEqual,
        Less,
        LessOrEqual,
        Equal,
        NotEqual,
    }
);

plain!(struct ClosedTrade {
    instance, strategy, symbol, side, opened_at, closed_at, qty, entry_price, exit_price, entry_notional, gross, fees,
    funding, slippage, initial_risk, worst_price, best_price, mae_pct, mfe_pct, reason, fills, leverage,
});
plain!(struct EquityPoint { at, equity, balance, exposure });

impl Plain for Timestamp {
    fn encode(&self, to: &mut Vec<u8>) {
        self.nanos().encode(to);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        i64::decode(from).map(Timestamp::from_nanos)
    }
}

impl Plain for Span {
    fn encode(&self, to: &mut Vec<u8>) {
        self.nanos().encode(to);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        i64::decode(from).map(Span::from_nanos)
    }
}

/// Both sides as they are, which [`Book::replace`] takes in as they are.
impl Plain for Book {
    fn encode(&self, to: &mut Vec<u8>) {
        self.bids().to_vec().encode(to);
        self.asks().to_vec().encode(to);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        let (bids, asks) = <(Vec<Level>, Vec<Level>)>::decode(from)?;
        let mut book = Book::default();
        book.replace(&bids, &asks);
        Ok(book)
    }
}

impl Plain for Rng {
    fn encode(&self, to: &mut Vec<u8>) {
        self.state().encode(to);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        u64::decode(from).map(Rng::new)
    }
}
