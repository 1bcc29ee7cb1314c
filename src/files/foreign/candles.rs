//! JSON lists of lists: candles of ccxt and freqtrade, trades of freqtrade.

use super::mapped::Mapped;
use super::{Foreign, Opening};
use crate::files::columns::{Cells, Form};
use crate::files::error::Problem;

const CANDLES: &str = "time=1,open=2,high=3,low=4,close=5,volume=6";
const TRADES: &str = "time=1,trade_id=2,side=4,price=5,quantity=6";

/// The layout of a list by its first element.
pub(super) fn of_list(opening: &Opening<'_>) -> Result<Option<Foreign>, Problem> {
    let mut cells = Cells::new(Form::List { width: 0 });
    cells.split(opening.first)?;
    let width = cells.len();
    if width == 7 && matches!(cells.get(opening.first, 3), b"buy" | b"sell") {
        return Mapped::by_lists("freqtrade trades", TRADES, 6, opening).map(Some);
    }
    if width >= 6 {
        return Mapped::by_lists("a list of candles as of ccxt and freqtrade", CANDLES, 6, opening).map(Some);
    }
    Ok(None)
}
