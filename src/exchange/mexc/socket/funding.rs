//! Funding of one symbol: announced, due, and paid while not connected.

use crate::domain::decimal::Decimal;
use crate::domain::time::{Span, Timestamp};
use crate::exchange::mexc::market::FundingSettlement;

/// When the payment after the next is announced within this span before the next is due, the next one still
/// happens; earlier, the next payment was moved.
const AT_HAND: Span = Span::from_seconds(60);

/// How often the list of payments is fetched until it has the missed one: the exchange writes it with a
/// delay.
const LISTS: u32 = 8;

/// Interval between these fetches.
const BETWEEN_LISTS: Span = Span::from_seconds(15);

/// A payment: rate and time.
pub type Payment = (Decimal, Timestamp);

/// Funding of a symbol. Invariant: each payment is returned once, after its time has come.
#[derive(Default, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Funding {
    announced: Option<Payment>,
    /// The next payment, when the one after it is already announced.
    at_hand: Option<Payment>,
    /// Time of the first payment that may have been missed.
    missed_from: Option<Timestamp>,
    /// Whether a payment was announced for that time; otherwise it is unknown whether there was one.
    was_announced: bool,
    catch_up: Option<CatchUp>,
}

/// Search for missed payments with times in `from..until`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct CatchUp {
    from: Timestamp,
    until: Timestamp,
    lists_left: u32,
    /// When to fetch the list; `None` while a fetch is in flight.
    due: Option<Span>,
}

/// Fetches when it is unknown whether there was a payment; the second covers one that is written late.
const LISTS_UNSURE: u32 = 2;

impl Funding {
    /// Sets the end of an earlier subscription; payments since then may have been missed.
    pub fn heard_until(&mut self, until: Option<Timestamp>) {
        self.missed_from = until;
    }

    /// A rate was announced at `at`, payable at `settles_at`. Returns a payment whose time has come by `at`.
    pub fn announce(
        &mut self,
        rate: Decimal,
        settles_at: Option<Timestamp>,
        at: Timestamp,
    ) -> Option<Payment> {
        let paid = self.settle(at);
        match (settles_at, &mut self.announced) {
            (Some(settles_at), announced) if settles_at > at => {
                if let Some(before) =
                    announced.filter(|(_, before)| *before < settles_at && *before - at <= AT_HAND)
                {
                    self.at_hand = Some(before);
                }
                *announced = Some((rate, settles_at));
                self.heard_again(settles_at);
            }
            // Without a time it updates the rate of the known payment.
            (None, Some((announced, _))) => *announced = rate,
            _ => {}
        }
        paid
    }

    /// The new announcement bounds the payments that may have been missed: all before `settles_at`.
    fn heard_again(&mut self, settles_at: Timestamp) {
        if let Some(from) = self.missed_from.take().filter(|from| *from < settles_at) {
            let lists_left = if self.was_announced { LISTS } else { LISTS_UNSURE };
            self.catch_up = Some(CatchUp { from, until: settles_at, lists_left, due: Some(Span::ZERO) });
        }
    }

    /// Whether a payment is announced.
    pub fn is_announced(&self) -> bool {
        self.announced.is_some()
    }

    /// The payment whose time has come; each is returned once.
    pub fn settle(&mut self, now: Timestamp) -> Option<Payment> {
        let has_come = |(_, at): &mut Payment| *at <= now;
        self.at_hand.take_if(has_come).or_else(|| self.announced.take_if(has_come))
    }

    /// The connection is gone: an announced payment may be made unseen.
    pub fn disconnected(&mut self) {
        let next = self.at_hand.or(self.announced).map(|(_, at)| at);
        let open = self.catch_up.map(|open| open.from);
        let missed_from = [self.missed_from, next, open].into_iter().flatten().min();
        let was_announced = self.was_announced || next.is_some();
        *self = Funding { missed_from, was_announced, ..Funding::default() };
    }

    /// Whether the list of payments must be fetched now; answer with [`Funding::caught_up`].
    pub fn take_due_list(&mut self, now: Span) -> bool {
        self.catch_up.as_mut().is_some_and(|open| open.due.take_if(|due| *due <= now).is_some())
    }

    /// Takes the fetched list (empty when the fetch failed). Returns the missed payments, oldest first.
    pub fn caught_up(&mut self, list: &[FundingSettlement], now: Span) -> Vec<Payment> {
        let Some(open) = &mut self.catch_up else { return Vec::new() };
        let missed = list.iter().filter(|paid| (open.from..open.until).contains(&paid.settled_at));
        let mut missed: Vec<Payment> = missed.map(|paid| (paid.rate, paid.settled_at)).collect();
        missed.sort_by_key(|(_, at)| *at);
        if !missed.is_empty() {
            self.catch_up = None;
            return missed;
        }
        open.lists_left -= 1;
        open.due = Some(now + BETWEEN_LISTS);
        if open.lists_left == 0 {
            self.catch_up = None;
        }
        missed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOURS: i64 = 3_600_000;
    const EIGHT: i64 = 1_700_006_400_000 - 1_700_006_400_000 % (8 * HOURS);

    fn rate(text: &str) -> Decimal {
        Decimal::parse(text.as_bytes()).unwrap()
    }

    fn ms(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms).unwrap()
    }

    fn paid(hours: i64, of: &str) -> FundingSettlement {
        FundingSettlement {
            symbol: "BTC_USDT".to_owned(),
            rate: rate(of),
            settled_at: ms(EIGHT + hours * HOURS),
        }
    }

    fn announced() -> Funding {
        let mut funding = Funding::default();
        assert_eq!(funding.announce(rate("0.0001"), Some(ms(EIGHT)), ms(EIGHT - HOURS)), None);
        funding
    }

    #[test]
    fn a_payment_is_made_though_the_next_one_is_announced_a_moment_before_it() {
        let mut funding = announced();
        assert_eq!(funding.announce(rate("0.0002"), Some(ms(EIGHT + 8 * HOURS)), ms(EIGHT - 5)), None);
        assert_eq!(funding.announce(rate("0.0003"), None, ms(EIGHT - 4)), None, "the rate of the next one");
        assert_eq!(funding.settle(ms(EIGHT - 1)), None);
        assert_eq!(funding.settle(ms(EIGHT)), Some((rate("0.0001"), ms(EIGHT))));
        assert_eq!(funding.settle(ms(EIGHT + 1)), None, "once");
        assert_eq!(funding.settle(ms(EIGHT + 8 * HOURS)), Some((rate("0.0003"), ms(EIGHT + 8 * HOURS))));
    }

    #[test]
    fn a_payment_that_is_moved_long_before_is_made_at_its_new_time_only() {
        let mut funding = announced();
        funding.announce(rate("0.0002"), Some(ms(EIGHT + 4 * HOURS)), ms(EIGHT - HOURS / 2));
        assert_eq!(funding.settle(ms(EIGHT)), None);
        assert_eq!(funding.settle(ms(EIGHT + 4 * HOURS)), Some((rate("0.0002"), ms(EIGHT + 4 * HOURS))));
    }

    #[test]
    fn what_is_paid_unheard_is_looked_up_until_the_list_has_it() {
        let mut funding = announced();
        funding.disconnected();
        assert!(!funding.take_due_list(Span::from_seconds(1)), "nobody knows yet whether something was paid");
        funding.announce(rate("0.0004"), Some(ms(EIGHT + 16 * HOURS)), ms(EIGHT + 9 * HOURS));
        assert!(
            funding.take_due_list(Span::from_seconds(1)) && !funding.take_due_list(Span::from_seconds(100)),
            "asked once"
        );
        assert_eq!(funding.caught_up(&[paid(-8, "1")], Span::from_seconds(2)), [], "one from before");
        assert!(
            !funding.take_due_list(Span::from_seconds(16)) && funding.take_due_list(Span::from_seconds(17))
        );
        let list = [paid(8, "0.0003"), paid(0, "0.0001"), paid(-8, "1")];
        let missed = funding.caught_up(&list, Span::from_seconds(18));
        assert_eq!(missed, [(rate("0.0001"), ms(EIGHT)), (rate("0.0003"), ms(EIGHT + 8 * HOURS))]);
        assert!(!funding.take_due_list(Span::from_seconds(1_000)));
        assert_eq!(funding.caught_up(&list, Span::from_seconds(19)), []);
    }

    #[test]
    fn a_loss_between_two_payments_misses_nothing() {
        let mut funding = announced();
        funding.disconnected();
        funding.announce(rate("0.0002"), Some(ms(EIGHT)), ms(EIGHT - HOURS / 2));
        assert!(!funding.take_due_list(Span::from_seconds(1)));
        assert_eq!(funding.settle(ms(EIGHT)), Some((rate("0.0002"), ms(EIGHT))));
    }

    #[test]
    fn what_was_paid_before_the_first_connection_is_looked_up_where_somebody_listened_before() {
        let mut funding = Funding::default();
        funding.heard_until(Some(ms(EIGHT - HOURS)));
        funding.announce(rate("0.0004"), Some(ms(EIGHT + 8 * HOURS)), ms(EIGHT + HOURS));
        assert!(funding.take_due_list(Span::ZERO));
        assert_eq!(
            funding.caught_up(&[paid(0, "0.0001"), paid(-8, "1")], Span::ZERO),
            [(rate("0.0001"), ms(EIGHT))]
        );
        let mut short = Funding::default();
        short.heard_until(Some(ms(EIGHT + HOURS)));
        short.announce(rate("0.0004"), Some(ms(EIGHT + 8 * HOURS)), ms(EIGHT + 2 * HOURS));
        let mut asked = 0;
        for second in 0..100 {
            if short.take_due_list(Span::from_seconds(second)) {
                asked += 1;
                assert_eq!(short.caught_up(&[paid(0, "1")], Span::from_seconds(second)), []);
            }
        }
        assert_eq!(asked, 2, "there may have been none");
    }

    #[test]
    fn a_list_that_never_comes_is_given_up_and_a_second_loss_is_not_forgotten() {
        let mut funding = announced();
        funding.disconnected();
        funding.announce(rate("0.0004"), Some(ms(EIGHT + 8 * HOURS)), ms(EIGHT + HOURS));
        assert!(funding.take_due_list(Span::ZERO));
        funding.disconnected();
        funding.announce(rate("0.0004"), Some(ms(EIGHT + 8 * HOURS)), ms(EIGHT + 2 * HOURS));
        let mut asked = 0;
        for second in 0..1_000 {
            if funding.take_due_list(Span::from_seconds(second)) {
                asked += 1;
                assert_eq!(funding.caught_up(&[], Span::from_seconds(second)), []);
            }
        }
        assert_eq!(asked, 8);
    }
}
