//! A sum of SHA-256 hashes over rows, modulo 2^256: equal for the same rows in any order. QuestDB computes
//! the same with `sum(cast(concat('0x', sha256(…)) as long256))`.

use sha2::{Digest, Sha256};
use std::fmt;

/// The sum so far and how many rows are in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Checksum {
    /// Number of rows.
    pub rows: u64,
    /// Least significant part first.
    parts: [u64; 4],
}

impl Checksum {
    /// Adds a row by its text.
    pub fn add(&mut self, text: &str) {
        let hash = Sha256::digest(text.as_bytes());
        let mut carry = false;
        for (part, bytes) in self.parts.iter_mut().zip(hash.rchunks_exact(8)) {
            let mut number = [0; 8];
            number.copy_from_slice(bytes);
            let (sum, over) = part.overflowing_add(u64::from_be_bytes(number));
            let (sum, over_again) = sum.overflowing_add(u64::from(carry));
            (*part, carry) = (sum, over || over_again);
        }
        self.rows += 1;
    }

    /// The sum in the form in which QuestDB shows a LONG256 (`0x`, lower case, without leading zeros, at
    /// least two digits); empty without rows, where QuestDB gives null.
    pub fn shown(&self) -> String {
        if self.rows == 0 { String::new() } else { self.to_string() }
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits: String = self.parts.iter().rev().map(|part| format!("{part:016x}")).collect();
        write!(f, "0x{}", digits.trim_start_matches('0'))
    }
}

/// Whether a LONG256 as QuestDB shows it is this number: leading zeros differ between versions.
pub fn same(shown: &str, checksum: &Checksum) -> bool {
    let digits = |text: &str| text.trim_start_matches("0x").trim_start_matches('0').to_owned();
    digits(shown) == digits(&checksum.shown())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number that QuestDB 9.3.4 gave for two rows with these texts.
    #[test]
    fn it_is_the_number_that_the_server_computes() {
        let mut sum = Checksum::default();
        sum.add("1732752000000001:1:abc ż:a:1.250000000000:true");
        sum.add("1732752000000002:2:~:a:0.100000000000:false");
        let shown = "0x361783b138986a1acc35979271b2f98329ab38a703c5f6ed73b0fa7b623e2194";
        assert_eq!((sum.to_string().as_str(), sum.rows), (shown, 2));
        assert!(same(shown, &sum) && !same("0x1", &sum) && same("", &Checksum::default()));
    }

    #[test]
    fn the_order_of_rows_does_not_matter_and_every_carry_is_kept() {
        let sum = |texts: &[u32]| {
            let mut sum = Checksum::default();
            texts.iter().for_each(|text| sum.add(&text.to_string()));
            sum
        };
        let (up, down): (Vec<u32>, Vec<u32>) = ((0..500).collect(), (0..500).rev().collect());
        assert_eq!(sum(&up), sum(&down));
        assert_ne!(sum(&up[1..]), sum(&up[..499]));
    }
}
