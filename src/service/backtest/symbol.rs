//! One symbol of a source: its specification for the engine, and where each fact comes from.
//!
//! Invariant: inverse contracts and options that contradict the contract terms are refused.

use super::settings::RunSettings;
use crate::domain::bar_length::BarSource;
use crate::domain::contract_facts::{ContractFacts, SpecSources};
use crate::domain::decimal::Decimal;
use crate::domain::record::StreamKind;
use crate::domain::symbol::SymbolSpec;
use crate::domain::symbol_name;
use crate::domain::time::{Span, Timestamp};
use crate::engine::indicators::DataKind;
use crate::report::text::counted;
use crate::service::SourceError;
use std::collections::BTreeSet;

/// One symbol of a source.
pub struct SourceSymbol {
    /// Its specification for the engine.
    pub spec: SymbolSpec,
    /// Recorded streams.
    pub streams: Vec<StreamKind>,
    /// Whether its fees come from the contract terms.
    pub contract: bool,
    /// Where its steps and contract size come from.
    pub sources: SpecSources,
    /// Bar length and how it is known.
    pub bar: Option<(Span, BarSource)>,
    /// Remarks on the data for the reader of a result.
    pub notes: Vec<String>,
    /// Times of the first and last tick that is replayed.
    pub span: Option<(Timestamp, Timestamp)>,
    /// First and last row of the histories that a recording holds of it, where they are several.
    pub stretches: Vec<(Timestamp, Timestamp)>,
}

/// What a source knows of a symbol.
pub(super) struct Known<'a> {
    pub source: &'a str,
    pub name: &'a str,
    pub facts: ContractFacts,
    pub price_digits: Decimal,
    pub quantity_digits: Decimal,
    /// Streams with the times of their first and last tick.
    pub spans: Vec<(StreamKind, Timestamp, Timestamp)>,
    pub bar: Option<(Span, BarSource)>,
    pub repeated: u64,
    pub notes: Vec<String>,
}

impl SourceSymbol {
    /// Indicator input channels that the streams provide.
    pub fn channels(&self) -> BTreeSet<DataKind> {
        let of = |kind: &StreamKind| match kind {
            StreamKind::BookSnapshots | StreamKind::BookChanges => vec![DataKind::Book],
            StreamKind::Trades => vec![DataKind::Price, DataKind::Trades],
            StreamKind::Bars => vec![DataKind::Price],
            StreamKind::Marks => vec![DataKind::Mark],
            StreamKind::Funding => vec![DataKind::Funding],
            StreamKind::Quotes => vec![],
        };
        self.streams.iter().flat_map(of).collect()
    }

    /// Whether a book is replayed.
    pub fn has_book(&self) -> bool {
        self.channels().contains(&DataKind::Book)
    }

    /// Streams that are replayed: of two with the same content the finer one, and never quotes.
    pub fn replayed(&self) -> impl Iterator<Item = StreamKind> {
        self.streams.iter().copied().filter(|kind| is_replayed(*kind, &self.streams))
    }

    /// Bar length, when bars are replayed.
    pub fn replayed_bar(&self) -> Option<(Span, BarSource)> {
        self.bar.filter(|_| is_replayed(StreamKind::Bars, &self.streams))
    }
}

fn is_replayed(kind: StreamKind, streams: &[StreamKind]) -> bool {
    kind != StreamKind::Quotes && kind.finer().is_none_or(|finer| !streams.contains(&finer))
}

impl Known<'_> {
    /// The symbol; `None` when it does not fit and `skip_unfit` is set (the reason goes to `left_out`).
    ///
    /// # Errors
    /// Why it does not fit.
    pub fn symbol_or_left_out(
        self,
        settings: &RunSettings,
        left_out: &mut Vec<String>,
    ) -> Result<Option<SourceSymbol>, SourceError> {
        match self.symbol(settings) {
            Ok(symbol) => Ok(Some(symbol)),
            Err(why) if settings.skip_unfit => {
                left_out.push(why);
                Ok(None)
            }
            Err(why) => Err(SourceError::Input(why)),
        }
    }

    fn symbol(self, settings: &RunSettings) -> Result<SourceSymbol, String> {
        let (name, source) = (self.name, self.source);
        if self.facts.is_inverse(name) {
            return Err(format!(
                "{name} of {source} is an inverse (coin-margined) contract: its quantity is counted in the quote currency and its profit is \
                 paid in the coin; only linear contracts can be computed, so leave it out (--symbol, --skip-unfit). If it is linear, say so in \
                 {source}.contract.json with equal `quote` and `settle`"
            ));
        }
        let declared = settings.declared.facts(name);
        self.refuse_contradiction(&declared)?;
        let has_terms = self.facts.terms.is_some();
        let facts = self.facts.or(declared);
        let (mut spec, sources) = facts.spec(name, self.price_digits, self.quantity_digits).ok_or_else(|| {
            format!(
                "{name} of {source} has prices in steps of {} and quantities in steps of {}: their product has more than 18 digits behind the \
                 point, which money cannot hold; declare coarser steps (--price-step, --quantity-step) or leave it out",
                facts.price_step.unwrap_or(self.price_digits),
                facts.quantity_step.unwrap_or(self.quantity_digits)
            )
        })?;
        if !has_terms {
            (spec.maker_fee, spec.taker_fee) = settings.default_fees;
        }
        let mut notes = self.notes;
        if facts.settle.is_none() && symbol_name::may_be_inverse(name) {
            notes.push(format!("{name} is computed as linear, which its name does not tell: if it is coin-margined (inverse), this result is wrong"));
        }
        if self.repeated > 0 {
            let rows = counted(self.repeated, "row", "rows");
            notes.push(format!("left out {rows} of {name} that repeat earlier ones"));
        }
        let streams: Vec<StreamKind> = self.spans.iter().map(|(kind, ..)| *kind).collect();
        if [StreamKind::BookChanges, StreamKind::BookSnapshots].iter().all(|kind| streams.contains(kind)) {
            notes
                .push(format!("the book of {name} is replayed from its l2 changes; its book20 snapshots, cut from the same book, are not"));
        }
        notes.extend(unused_bars(name, &self.spans));
        let span = span(&self.spans, &streams);
        Ok(SourceSymbol {
            spec,
            streams,
            contract: has_terms,
            sources,
            bar: self.bar,
            notes,
            span,
            stretches: Vec::new(),
        })
    }

    fn refuse_contradiction(&self, declared: &ContractFacts) -> Result<(), String> {
        let facts = [
            ("--price-step", self.facts.price_step, declared.price_step),
            ("--quantity-step", self.facts.quantity_step, declared.quantity_step),
            ("--contract-size", self.facts.contract_size, declared.contract_size),
        ];
        for (option, known, given) in facts {
            if let (Some(known), Some(given)) = (known, given)
                && known != given
            {
                return Err(format!(
                    "{option} {given} contradicts what {} knows of {}: {known}; leave the option out",
                    self.source, self.name
                ));
            }
        }
        Ok(())
    }
}

/// Times of the first and last tick of the replayed streams.
fn span(
    spans: &[(StreamKind, Timestamp, Timestamp)],
    streams: &[StreamKind],
) -> Option<(Timestamp, Timestamp)> {
    let replayed = || spans.iter().filter(|(kind, ..)| is_replayed(*kind, streams));
    Some((replayed().map(|(_, first, _)| *first).min()?, replayed().map(|(.., last)| *last).max()?))
}

/// Tells that the bars of a symbol are not replayed because it has trades, and which time only they cover.
fn unused_bars(name: &str, spans: &[(StreamKind, Timestamp, Timestamp)]) -> Option<String> {
    let of = |wanted: StreamKind| spans.iter().find(|(kind, ..)| *kind == wanted);
    let (_, first, last) = of(StreamKind::Bars)?;
    let (_, from, to) = of(StreamKind::Trades)?;
    let beyond = if first < from || to < last {
        format!(
            "; they reach from {first} to {last}, its trades from {from} to {to}: for a run over all bars name them without the trades"
        )
    } else {
        String::new()
    };
    Some(format!("{name} is replayed from its trades; its bars are not{beyond}"))
}
