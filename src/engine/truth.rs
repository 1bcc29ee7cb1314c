//! Three-valued logic (Kleene): a rule fires only when it is true, never when it is unknown.

/// True, false or unknown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Truth {
    /// Known to be false.
    False,
    /// A value is missing, so the truth is unknown.
    Unknown,
    /// Known to be true.
    True,
}

impl Truth {
    /// Logical AND; false wins over unknown.
    pub fn and(self, other: Truth) -> Truth {
        self.min(other)
    }

    /// Logical OR; true wins over unknown.
    pub fn or(self, other: Truth) -> Truth {
        self.max(other)
    }

    /// Logical NOT; unknown stays unknown.
    pub fn negate(self) -> Truth {
        match self {
            Truth::False => Truth::True,
            Truth::Unknown => Truth::Unknown,
            Truth::True => Truth::False,
        }
    }

    /// Whether it is known to be true.
    pub fn is_true(self) -> bool {
        self == Truth::True
    }

    /// The value for records: `None` when unknown.
    pub fn known(self) -> Option<bool> {
        match self {
            Truth::False => Some(false),
            Truth::Unknown => None,
            Truth::True => Some(true),
        }
    }
}

impl From<bool> for Truth {
    fn from(known: bool) -> Self {
        if known { Truth::True } else { Truth::False }
    }
}

#[cfg(test)]
mod tests {
    use super::Truth::{self, False, True, Unknown};

    #[test]
    fn follows_kleenes_tables() {
        let cases: [(Truth, Truth, Truth, Truth); 9] = [
            (True, True, True, True),
            (True, Unknown, Unknown, True),
            (True, False, False, True),
            (Unknown, True, Unknown, True),
            (Unknown, Unknown, Unknown, Unknown),
            (Unknown, False, False, Unknown),
            (False, True, False, True),
            (False, Unknown, False, Unknown),
            (False, False, False, False),
        ];
        for (x, y, both, either) in cases {
            assert_eq!((x.and(y), x.or(y)), (both, either), "{x:?} {y:?}");
        }
        assert_eq!([True, False, Unknown].map(Truth::negate), [False, True, Unknown]);
    }
}
