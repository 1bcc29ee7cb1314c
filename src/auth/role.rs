//! Roles. Each includes the rights of the one before.

use std::fmt;

/// What a user may do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Role {
    /// Read access.
    Viewer,
    /// Also edits strategies and runs collect, backtest and paper sessions.
    Trader,
    /// Also runs live (real-money) sessions and closes positions.
    Live,
    /// Also manages users and configuration.
    Admin,
}

impl Role {
    /// All roles, from least to most rights.
    pub const ALL: [Role; 4] = [Role::Viewer, Role::Trader, Role::Live, Role::Admin];

    /// The name in the API and on the command line.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Trader => "trader",
            Role::Live => "live",
            Role::Admin => "admin",
        }
    }

    /// Parses a name.
    pub fn from_name(word: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.as_str() == word)
    }

    /// The rights of the role.
    pub const fn permissions(self) -> &'static [&'static str] {
        const RIGHTS: [&str; 8] = [
            "read",
            "edit_strategies",
            "run_collect",
            "run_backtest",
            "run_paper",
            "run_live",
            "manage_users",
            "manage_config",
        ];
        let count = match self {
            Role::Viewer => 1,
            Role::Trader => 5,
            Role::Live => 6,
            Role::Admin => 8,
        };
        RIGHTS.split_at(count).0
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
