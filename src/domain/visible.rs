//! What is seen of a text: characters that are invisible or change how others are shown, and texts from
//! outside as they are printed.
//!
//! Invariant: what [`Visible`] gives neither moves a terminal's cursor, nor begins a line, nor hides one of
//! its characters.

use std::path::Path;

/// Whether a character is invisible or changes how its neighbours are shown: Unicode format characters (Cf),
/// separators of lines, variation selectors and blank letters. Names that look alike must be equal.
pub fn is_invisible(c: char) -> bool {
    matches!(u32::from(c),
        0xAD | 0x034F | 0x0600..=0x0605 | 0x061C | 0x06DD | 0x070F | 0x0890..=0x0891 | 0x08E2
        | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F
        | 0x2800 | 0x3164 | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFB | 0x110BD | 0x110CD
        | 0x13430..=0x1343F | 0x1BCA0..=0x1BCA3 | 0x1D173..=0x1D17A | 0xE0000..=0xE0FFF)
}

/// The first control character of a text, or one that [`is_invisible`].
pub fn unseen(text: &str) -> Option<char> {
    text.chars().find(|c| c.is_control() || is_invisible(*c))
}

/// A name from outside as it is printed: on one line, with what is not seen as `\n` or `\u{1b}`.
pub trait Visible {
    /// The text to print.
    fn visible(&self) -> String;
}

impl Visible for str {
    fn visible(&self) -> String {
        let mut seen = String::with_capacity(self.len());
        for c in self.chars() {
            if c.is_control() || is_invisible(c) {
                seen.extend(c.escape_default());
            } else {
                seen.push(c);
            }
        }
        seen
    }
}

impl Visible for Path {
    fn visible(&self) -> String {
        self.to_string_lossy().visible()
    }
}

/// A text of several lines as it is printed, each as [`Visible`] gives it.
pub fn lines(text: &str) -> String {
    text.split('\n').map(Visible::visible).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_is_printed_as_an_escape() {
        for (text, seen) in [
            ("BTC_USDT 币安 é 🚀", "BTC_USDT 币安 é 🚀"),
            ("\u{1b}[31mEV\nIL", "\\u{1b}[31mEV\\nIL"),
            ("a\0\t\r\u{7f}\u{9b}", "a\\u{0}\\t\\r\\u{7f}\\u{9b}"),
            ("a\u{202e}b\u{2066}\u{200b}\u{feff}\u{2028}", "a\\u{202e}b\\u{2066}\\u{200b}\\u{feff}\\u{2028}"),
        ] {
            assert_eq!(text.visible(), seen);
            assert_eq!(Path::new(text).visible(), seen);
            assert_eq!(unseen(text).is_some(), text != seen, "{text:?}");
        }
        assert_eq!(lines("one\n\u{1b}[2Jtwo\n"), "one\n\\u{1b}[2Jtwo\n");
    }
}
