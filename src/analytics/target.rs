//! Where a QuestDB is and how we log in there.

use std::fmt;
use std::net::IpAddr;

/// A password or token; never shown.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// Password of a user.
    Password(String),
    /// A token.
    Token(String),
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// A server and the credentials for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// `http://host:port` without a path.
    pub url: String,
    /// Value of the Authorization header.
    authorization: Option<Authorization>,
    is_exposed: bool,
}

#[derive(Clone, PartialEq, Eq)]
struct Authorization(String);

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authorization")
    }
}

impl Target {
    /// Checks a URL against the allowed hosts; this host is always allowed.
    ///
    /// # Errors
    /// What is wrong with the URL, or a host that is not allowed.
    pub fn new(
        url: &str,
        allowed_hosts: &[String],
        user: Option<&str>,
        secret: Option<&Secret>,
    ) -> Result<Target, String> {
        let parsed = reqwest::Url::parse(url).map_err(|error| format!("{url:?} is not a URL ({error})"))?;
        let host = match (parsed.scheme(), parsed.host_str()) {
            ("http" | "https", Some(host)) => host.trim_matches(['[', ']']).to_owned(),
            _ => return Err(format!("{url:?} must begin with http:// or https:// and name a host")),
        };
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err("the URL of QuestDB must not hold a password: name the user in analytics.questdb.user and put the password \
                 into the credential questdb-password"
                .to_owned());
        }
        if parsed.path() != "/" || parsed.query().is_some() || parsed.fragment().is_some() {
            return Err(format!("{url:?} must end behind the host and its port"));
        }
        let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        if !here && !allowed_hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(&host)) {
            return Err(format!("{host} is not this host: add it to analytics.questdb.allowed_hosts"));
        }
        let authorization = match (user, secret) {
            (_, Some(Secret::Token(token))) => Some(format!("Bearer {token}")),
            (Some(user), Some(Secret::Password(password))) => {
                Some(format!("Basic {}", base64(&format!("{user}:{password}"))))
            }
            (Some(user), None) => {
                return Err(format!(
                    "there is no password for {user}: put it into the credential questdb-password"
                ));
            }
            (None, _) => None,
        };
        Ok(Target {
            url: parsed.as_str().trim_end_matches('/').to_owned(),
            authorization: authorization.map(Authorization),
            is_exposed: !here && parsed.scheme() == "http",
        })
    }

    /// Whether what is sent can be read on the way: plain HTTP to another host.
    pub fn is_exposed(&self) -> bool {
        self.is_exposed
    }

    /// Value of the Authorization header.
    pub(super) fn authorization(&self) -> Option<&str> {
        self.authorization.as_ref().map(|it| it.0.as_str())
    }
}

fn base64(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_host_and_allowed_ones_are_written_to() {
        let target = |url: &str, allowed: &[&str]| {
            let allowed: Vec<String> = allowed.iter().map(|host| (*host).to_owned()).collect();
            Target::new(url, &allowed, None, None)
        };
        for url in
            ["http://127.0.0.1:9000", "http://localhost:9000/", "http://[::1]:9000", "https://127.8.0.1"]
        {
            assert!(!target(url, &[]).unwrap().is_exposed(), "{url}");
        }
        assert_eq!(target("http://127.0.0.1:9000/", &[]).unwrap().url, "http://127.0.0.1:9000");
        assert!(target("http://db.example.org:9000", &[]).unwrap_err().contains("allowed_hosts"));
        assert!(target("http://169.254.169.254/", &[]).is_err(), "a metadata service is another host");
        assert!(target("http://localhost.example.org", &[]).is_err());
        assert!(target("http://db.example.org:9000", &["DB.example.org"]).unwrap().is_exposed());
        assert!(!target("https://db.example.org", &["db.example.org"]).unwrap().is_exposed());
        for bad in [
            "",
            "questdb",
            "ftp://127.0.0.1",
            "http://127.0.0.1/x",
            "http://127.0.0.1/?a=b",
            "http://u:p@127.0.0.1",
        ] {
            assert!(target(bad, &[]).is_err(), "{bad}");
        }
    }

    #[test]
    fn credentials_become_a_header_that_is_not_shown() {
        let password = Secret::Password("quest".to_owned());
        let target = Target::new("http://127.0.0.1:9000", &[], Some("admin"), Some(&password)).unwrap();
        assert_eq!(target.authorization(), Some("Basic YWRtaW46cXVlc3Q="));
        assert!(!format!("{target:?}{password:?}").contains("quest="), "{target:?}");
        assert!(!format!("{target:?}").contains("YWRt"));
        let token = Secret::Token("abc".to_owned());
        let target = Target::new("http://127.0.0.1:9000", &[], None, Some(&token)).unwrap();
        assert_eq!(target.authorization(), Some("Bearer abc"));
        assert!(Target::new("http://127.0.0.1:9000", &[], Some("admin"), None).is_err());
    }
}
