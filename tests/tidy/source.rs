//! A small lexer for Rust files, sufficient for the rules: tokens with lines, comments apart, strings
//! blanked, test code marked. It does not resolve types or expand macros.

use std::collections::BTreeMap;
use std::path::Path;

/// All files of a tree by their path from its root, with `/` between folders.
pub struct Tree {
    pub files: BTreeMap<String, Source>,
}

/// One file.
#[derive(Default)]
pub struct Source {
    pub text: String,
    pub tokens: Vec<Token>,
    pub comments: Vec<Comment>,
    /// Lines of items behind `#[cfg(test)]`, first and last.
    test_lines: Vec<(usize, usize)>,
    /// Whether the whole file is test code.
    pub is_test: bool,
}

/// An identifier, number, `::` or single character. A string or character literal is one token `""`.
pub struct Token {
    pub text: String,
    pub line: usize,
}

/// A `//` comment; doc comments are not included.
pub struct Comment {
    pub text: String,
    pub line: usize,
}

/// `mod name;` or `mod name {`.
pub struct Module {
    pub name: String,
    pub inline: bool,
    /// Inline modules of this file around it.
    pub inside: Vec<String>,
    pub is_test: bool,
}

/// A path that begins with `crate`, `super` or a crate's name, with the line of its first token.
pub struct WrittenPath {
    pub segments: Vec<String>,
    pub line: usize,
}

impl Tree {
    /// Reads the Rust files of some folders.
    pub fn read(root: &Path, folders: &[&str]) -> Tree {
        let mut files = BTreeMap::new();
        let mut open: Vec<_> = folders.iter().map(|folder| root.join(folder)).collect();
        while let Some(folder) = open.pop() {
            let Ok(entries) = std::fs::read_dir(&folder) else { continue };
            for path in entries.map(|entry| entry.expect("a readable folder").path()) {
                if path.is_dir() {
                    open.push(path);
                } else if path.extension().is_some_and(|end| end == "rs") {
                    let name = path
                        .strip_prefix(root)
                        .expect("found below the root")
                        .to_string_lossy()
                        .replace('\\', "/");
                    let text = std::fs::read_to_string(&path).expect("a readable file in UTF-8");
                    files.insert(name, Source::new(&text));
                }
            }
        }
        Tree { files }
    }

    /// A tree for tests of the rules.
    pub fn of(files: &[(&str, &str)]) -> Tree {
        Tree { files: files.iter().map(|(path, text)| ((*path).to_owned(), Source::new(text))).collect() }
    }
}

impl Source {
    /// Splits a text into tokens.
    pub fn new(text: &str) -> Source {
        let mut source = Source { text: text.to_owned(), ..Source::default() };
        Lexer { rest: text, line: 1, source: &mut source }.run();
        source.test_lines = source.find_test_lines();
        source
    }

    /// Whether a line is test code.
    pub fn in_test(&self, line: usize) -> bool {
        self.is_test || self.test_lines.iter().any(|(first, last)| (*first..=*last).contains(&line))
    }

    /// The text of a token; empty after the last.
    pub fn word(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| token.text.as_str())
    }

    /// Whether these tokens follow at `at`.
    pub fn stands(&self, at: usize, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(offset, word)| self.word(at + offset) == *word)
    }

    /// The token that closes the bracket at `open`.
    fn closing(&self, open: usize) -> usize {
        let mut depth = 0;
        for at in open..self.tokens.len() {
            match self.word(at) {
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return at;
            }
        }
        self.tokens.len().saturating_sub(1)
    }

    /// The last token of the item that begins at `at`, and whether it has a body in braces.
    fn item_end(&self, mut at: usize) -> (usize, bool) {
        while at < self.tokens.len() {
            match self.word(at) {
                "{" => return (self.closing(at), true),
                ";" => return (at, false),
                "(" | "[" => at = self.closing(at),
                _ => {}
            }
            at += 1;
        }
        (self.tokens.len().saturating_sub(1), false)
    }

    /// The line of the `;` that ends the statement at `at`.
    pub fn statement_end(&self, at: usize) -> usize {
        let end = (at..self.tokens.len()).find(|end| self.word(*end) == ";").unwrap_or(at);
        self.tokens[end].line
    }

    fn find_test_lines(&self) -> Vec<(usize, usize)> {
        let starts =
            (0..self.tokens.len()).filter(|at| self.stands(*at, &["#", "[", "cfg", "(", "test", ")", "]"]));
        starts.map(|at| (self.tokens[at].line, self.tokens[self.item_end(at + 7).0].line)).collect()
    }

    /// Every module this file declares.
    pub fn modules(&self) -> Vec<Module> {
        let mut found = Vec::new();
        let mut around: Vec<(String, usize)> = Vec::new();
        for at in 0..self.tokens.len() {
            around.retain(|(_, end)| at <= *end);
            let inline = match self.word(at + 2) {
                "{" => true,
                ";" => false,
                _ => continue,
            };
            if self.word(at) != "mod" {
                continue;
            }
            let (name, line) = (self.word(at + 1).to_owned(), self.tokens[at].line);
            let inside = around.iter().map(|(name, _)| name.clone()).collect();
            found.push(Module { name: name.clone(), inline, inside, is_test: self.in_test(line) });
            if inline {
                around.push((name, self.closing(at + 2)));
            }
        }
        found
    }

    /// Functions with a body: name, first line, number of lines.
    pub fn functions(&self) -> Vec<(&str, usize, usize)> {
        let starts = (0..self.tokens.len()).filter(|at| self.word(*at) == "fn" && self.word(at + 1) != "(");
        let with_body = starts.filter_map(|at| {
            let (end, body) = self.item_end(at);
            let line = self.tokens[at].line;
            body.then(|| (self.word(at + 1), line, self.tokens[end].line - line + 1))
        });
        with_body.collect()
    }

    /// Every path that begins with `first` (`std` or a crate), with groups expanded.
    pub fn paths_from(&self, first: &str) -> Vec<WrittenPath> {
        let mut found = Vec::new();
        for at in 0..self.tokens.len() {
            let begins = self.stands(at, &[first, "::"]) && (at == 0 || self.word(at - 1) != "::");
            if begins {
                self.take_apart(at, &mut Vec::new(), &mut found);
            }
        }
        found
    }

    /// Every path from the root of the crate: those that begin with `crate`, and `super` paths resolved
    /// against `module`, the module of this file.
    pub fn paths_from_root(&self, module: &[String]) -> Vec<WrittenPath> {
        let mut found = self.paths_from("crate");
        for path in &mut found {
            path.segments.remove(0);
        }
        let mut climbing = self.paths_from("super");
        for path in &mut climbing {
            let mut place = module.to_vec();
            place.extend(self.inline_modules_around(path.line));
            while path.segments.first().is_some_and(|segment| segment == "super") {
                path.segments.remove(0);
                place.pop();
            }
            place.append(&mut path.segments);
            path.segments = place;
        }
        found.append(&mut climbing);
        found
    }

    fn inline_modules_around(&self, line: usize) -> Vec<String> {
        let mut around = Vec::new();
        for at in 0..self.tokens.len() {
            if self.word(at) == "mod" && self.word(at + 2) == "{" {
                let lines = self.tokens[at].line..=self.tokens[self.closing(at + 2)].line;
                if lines.contains(&line) {
                    around.push(self.word(at + 1).to_owned());
                }
            }
        }
        around
    }

    /// Reads the path or group at `at`; returns the index of the token after it.
    fn take_apart(&self, mut at: usize, before: &mut Vec<String>, found: &mut Vec<WrittenPath>) -> usize {
        let depth = before.len();
        let line = self.tokens.get(at).map_or(0, |token| token.line);
        loop {
            if self.word(at) == "{" {
                at += 1;
                while !matches!(self.word(at), "}" | "") {
                    at = if self.word(at) == "," { at + 1 } else { self.take_apart(at, before, found) };
                }
                before.truncate(depth);
                return at + 1;
            }
            before.push(self.word(at).to_owned());
            at += 1;
            if self.word(at) != "::" {
                break;
            }
            at += 1;
        }
        found.push(WrittenPath { segments: before.clone(), line });
        before.truncate(depth);
        at
    }
}

struct Lexer<'a> {
    rest: &'a str,
    line: usize,
    source: &'a mut Source,
}

impl Lexer<'_> {
    fn run(&mut self) {
        while let Some(first) = self.rest.chars().next() {
            let length = match first {
                '/' if self.rest.starts_with("//") => self.line_comment(),
                '/' if self.rest.starts_with("/*") => self.block_comment(),
                '"' => self.push("\"\"", quoted(self.rest, '"')),
                '\'' => self.quote(),
                'r' | 'b' if string_prefix(self.rest).is_some() => self.prefixed_string(),
                ':' if self.rest.starts_with("::") => self.push("::", 2),
                c if c.is_alphanumeric() || c == '_' => {
                    let length =
                        self.rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(self.rest.len());
                    let word = self.rest[..length].to_owned();
                    self.push(&word, length)
                }
                c if c.is_whitespace() => c.len_utf8(),
                c => self.push(&c.to_string(), c.len_utf8()),
            };
            self.line += self.rest[..length].matches('\n').count();
            self.rest = &self.rest[length..];
        }
    }

    fn push(&mut self, text: &str, length: usize) -> usize {
        self.source.tokens.push(Token { text: text.to_owned(), line: self.line });
        length
    }

    fn line_comment(&mut self) -> usize {
        let length = self.rest.find('\n').unwrap_or(self.rest.len());
        let comment = &self.rest[2..length];
        if !comment.starts_with(['/', '!']) {
            self.source.comments.push(Comment { text: comment.trim().to_owned(), line: self.line });
        }
        length
    }

    fn block_comment(&mut self) -> usize {
        let (mut depth, mut at) = (0, 0);
        while at < self.rest.len() {
            let here = &self.rest.as_bytes()[at..];
            if here.starts_with(b"/*") {
                (depth, at) = (depth + 1, at + 2);
            } else if here.starts_with(b"*/") {
                (depth, at) = (depth - 1, at + 2);
                if depth == 0 {
                    break;
                }
            } else {
                at += 1;
            }
        }
        at
    }

    /// A character literal, or the `'` of a lifetime.
    fn quote(&mut self) -> usize {
        let mut chars = self.rest[1..].chars();
        let (first, second) = (chars.next(), chars.next());
        if first == Some('\\') || second == Some('\'') {
            return self.push("\"\"", quoted(self.rest, '\''));
        }
        self.push("'", 1)
    }

    fn prefixed_string(&mut self) -> usize {
        let (prefix, hashes) = string_prefix(self.rest).expect("the caller has looked");
        let length = match hashes {
            None => prefix + quoted(&self.rest[prefix..], '"'),
            Some(hashes) => {
                let end = format!("\"{}", "#".repeat(hashes));
                let body = prefix + hashes + 1;
                body + self.rest[body..].find(&end).map_or(self.rest.len() - body, |at| at + end.len())
            }
        };
        self.push("\"\"", length)
    }
}

/// Length in bytes of a quoted literal, including its quotes.
fn quoted(text: &str, mark: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == mark => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// For `b"`, `r"`, `br#"`: the length of the letters and, if raw, the number of `#`.
fn string_prefix(text: &str) -> Option<(usize, Option<usize>)> {
    let letters = text.find(|c| c != 'b' && c != 'r')?;
    let raw = text[..letters].contains('r');
    let hashes = text[letters..].find(|c| c != '#')?;
    let begins = letters <= 2 && text[letters + hashes..].starts_with('"') && (raw || hashes == 0);
    begins.then_some((letters, raw.then_some(hashes)))
}
