//! Splits a byte stream into lines without copying; the buffer is bounded by the line limit.

use super::error::Problem;
use super::input;
use crate::limits::IMPORT_LINE_BYTES;
use std::io::Read;

/// Reads lines that end with LF or CRLF; the last may end with the file. A byte order mark is skipped.
pub(super) struct Lines {
    input: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    /// Unread bytes are `buffer[start..end]`.
    start: usize,
    end: usize,
    /// Start of the last line returned.
    given: usize,
    ended: bool,
    /// The last line has no line end.
    is_open_ended: bool,
    number: u64,
    /// Bytes of the longest line.
    longest: usize,
}

impl Lines {
    pub fn new(input: Box<dyn Read + Send>) -> Self {
        Lines::up_to(IMPORT_LINE_BYTES, input)
    }

    /// Lines of at most so many bytes. The buffer holds any of them with its end, plus bytes read beyond it.
    pub fn up_to(longest: usize, input: Box<dyn Read + Send>) -> Self {
        let buffer = vec![0; 2 * longest];
        Lines {
            input,
            buffer,
            start: 0,
            end: 0,
            given: 0,
            ended: false,
            is_open_ended: false,
            number: 0,
            longest,
        }
    }

    /// Gives input and buffer back at the end of the input; there is no further line.
    pub fn close(&mut self) {
        (self.input, self.buffer) = (Box::new(std::io::empty()), Vec::new());
        (self.start, self.end, self.given, self.ended) = (0, 0, 0, true);
    }

    /// Whether the last line, once it was returned, had no line end: nobody can tell whether it was written
    /// to its end.
    pub fn is_open_ended(&self) -> bool {
        self.is_open_ended
    }

    /// Number of the last line returned or refused, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The next line without its line end.
    #[inline]
    pub fn next(&mut self) -> Result<Option<&[u8]>, Problem> {
        let mut searched = self.start;
        let (line_end, next) = loop {
            if let Some(found) = memchr::memchr(b'\n', &self.buffer[searched..self.end]) {
                break (searched + found, searched + found + 1);
            }
            if self.ended {
                if self.start == self.end {
                    return Ok(None);
                }
                self.is_open_ended = true;
                break (self.end, self.end);
            }
            searched = self.end - self.start;
            if searched > self.longest + 1 {
                self.number += 1;
                return Err(Problem::LineTooLong(self.longest));
            }
            self.refill()?;
        };
        if self.number == 0 && self.buffer[self.start..line_end].starts_with(b"\xef\xbb\xbf") {
            self.start += 3;
        }
        self.number += 1;
        self.given = self.start;
        self.start = next;
        let line = &self.buffer[self.given..line_end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() > self.longest {
            return Err(Problem::LineTooLong(self.longest));
        }
        Ok(Some(line))
    }

    /// Makes the next call return the last line again.
    pub fn unread(&mut self) {
        self.start = self.given;
        self.number -= 1;
    }

    /// Moves unread bytes to the front and reads more.
    #[cold]
    fn refill(&mut self) -> Result<(), Problem> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        loop {
            match self.input.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.ended = true,
                Ok(n) => self.end += n,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(input::reading(error)),
            }
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{self, Cursor};

    /// Returns one byte per read, so that every line spans a refill.
    struct Slow(Cursor<Vec<u8>>);

    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(&mut buffer[..1])
        }
    }

    fn all(mut lines: Lines) -> Vec<String> {
        let mut found = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            found.push(String::from_utf8(line.to_vec()).unwrap());
        }
        assert_eq!(lines.number(), found.len() as u64);
        found
    }

    #[test]
    fn ends_of_lines_and_files_do_not_matter() {
        for text in ["a\nbc\n\nd", "a\nbc\n\nd\n", "a\r\nbc\r\n\r\nd\r\n", "\u{feff}a\nbc\n\nd"] {
            assert_eq!(all(Lines::new(Box::new(Cursor::new(text.to_owned())))), ["a", "bc", "", "d"]);
            assert_eq!(all(Lines::new(Box::new(Slow(Cursor::new(text.into()))))), ["a", "bc", "", "d"]);
        }
        assert!(all(Lines::new(Box::new(Cursor::new("")))).is_empty());
        for (text, is_open_ended) in [("", false), ("a\n", false), ("a\nb", true), ("a\nb\r\n", false)] {
            let mut lines = Lines::new(Box::new(Cursor::new(text)));
            while lines.next().unwrap().is_some() {}
            assert_eq!(lines.is_open_ended(), is_open_ended, "{text:?}");
        }
    }

    #[test]
    fn a_line_of_the_limit_is_given_and_a_longer_one_refused_without_reading_on() {
        let fits = format!("a\n{}\r\nb", "x".repeat(IMPORT_LINE_BYTES));
        assert_eq!(all(Lines::new(Box::new(Cursor::new(fits)))).len(), 3);
        let over = format!("a\n{}\nb", "x".repeat(IMPORT_LINE_BYTES + 1));
        let mut lines = Lines::new(Box::new(Cursor::new(over)));
        lines.next().unwrap();
        assert!(matches!(lines.next(), Err(Problem::LineTooLong(IMPORT_LINE_BYTES))));
        assert_eq!(lines.number(), 2);
        let mut short = Lines::up_to(3, Box::new(Cursor::new("abcd")));
        assert!(short.next().unwrap_err().to_string().contains("longer than 3 bytes"));
        // An endless line: only one buffer of it may be read.
        let mut endless = Lines::new(Box::new(io::repeat(b'x')));
        assert!(matches!(endless.next(), Err(Problem::LineTooLong(IMPORT_LINE_BYTES))));
        assert_eq!((endless.number(), endless.buffer.len()), (1, 2 * IMPORT_LINE_BYTES));
    }

    #[test]
    fn an_unread_line_comes_again() {
        let mut lines = Lines::new(Box::new(Cursor::new("a\nb\n")));
        assert_eq!(lines.next().unwrap().unwrap(), b"a");
        lines.unread();
        assert_eq!(lines.next().unwrap().unwrap(), b"a");
        assert_eq!(lines.number(), 1);
        assert_eq!(lines.next().unwrap().unwrap(), b"b");
    }
}
