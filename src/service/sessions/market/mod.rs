//! A session on a market: its loop, its journal, and the way back from it.

pub(super) mod catch_up;
pub(super) mod checkpoints;
pub(super) mod collect;
pub(super) mod follower;
pub(super) mod inbox;
pub(super) mod journal;
pub(super) mod live;
pub(super) mod market_run;
pub(super) mod read_ahead;
pub(super) mod recorded;
pub(super) mod recovery;
pub(super) mod replay;
pub(super) mod rerun;
pub(super) mod trading_ports;
pub(super) mod writer;
