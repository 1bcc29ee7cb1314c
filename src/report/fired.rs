//! The sections that fired in a run. Each is counted; only the first [`FIRED_SECTIONS`] are listed, because
//! an entry that is blocked again and again fires its signal a million times.

use crate::checkpoint::plain;
use crate::domain::decision::SectionName;
use crate::domain::num::Price;
use crate::domain::symbol::SymbolId;
use crate::domain::time::Timestamp;
use crate::limits::FIRED_SECTIONS;

/// A section that became true and moved an instance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fired {
    /// Time.
    pub at: Timestamp,
    /// Section.
    pub section: SectionName,
    /// Symbol.
    pub symbol: SymbolId,
    /// Strategy index.
    pub strategy: u32,
    /// Last trade price at that time.
    pub price: Option<Price>,
}

plain!(struct Fired { at, section, symbol, strategy, price });

/// All sections that fired, in time order.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct FiredSections {
    listed: Vec<Fired>,
    /// By section, in the order of [`SectionName`].
    counts: [u64; 5],
}

plain!(struct FiredSections { listed, counts });

impl FiredSections {
    /// Counts a section, and lists it while there is room.
    pub fn push(&mut self, fired: Fired) {
        self.counts[fired.section as usize] += 1;
        if self.listed.len() < FIRED_SECTIONS {
            self.listed.push(fired);
        }
    }

    /// The first [`FIRED_SECTIONS`] of them.
    pub fn listed(&self) -> &[Fired] {
        &self.listed
    }

    /// How often a section fired, listed or not.
    pub fn count(&self, section: SectionName) -> u64 {
        self.counts[section as usize]
    }

    /// How often any section fired.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Whether every one of them is listed.
    pub fn is_complete(&self) -> bool {
        self.total() == self.listed.len() as u64
    }
}

impl FromIterator<Fired> for FiredSections {
    fn from_iter<I: IntoIterator<Item = Fired>>(all: I) -> Self {
        let mut sections = FiredSections::default();
        all.into_iter().for_each(|fired| sections.push(fired));
        sections
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn beyond_its_bound_the_list_ends_and_the_counts_go_on() {
        let signal = sample::result().fired.listed()[0];
        let entry = Fired { section: SectionName::Z1, ..signal };
        let pairs = FIRED_SECTIONS as u64;
        let fired: FiredSections = (0..pairs).flat_map(|_| [signal, entry]).collect();
        assert_eq!(fired.listed().len(), FIRED_SECTIONS);
        assert_eq!((fired.count(SectionName::S1), fired.count(SectionName::Z1)), (pairs, pairs));
        assert_eq!((fired.count(SectionName::E1), fired.total(), fired.is_complete()), (0, 2 * pairs, false));
    }
}
