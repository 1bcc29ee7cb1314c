//! Connects to the addresses of a host with staggered attempts (RFC 8305, "Happy Eyeballs"): an address that
//! swallows packets costs 250 ms, not the connection.

use crate::limits;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::task::JoinSet;

/// Head start of an attempt before the next address is tried in parallel; RFC 8305 recommends this value.
const HEAD_START: Duration = Duration::from_millis(250);

/// Returns the first connection that succeeds and aborts the other attempts.
///
/// # Errors
/// The last error when every address failed.
pub async fn race<T, F>(addresses: Vec<SocketAddr>, connect: impl Fn(SocketAddr) -> F) -> io::Result<T>
where
    T: Send + 'static,
    F: Future<Output = io::Result<T>> + Send + 'static,
{
    let mut waiting = alternating(addresses).into_iter().take(limits::EXCHANGE_ADDRESSES).peekable();
    let mut attempts = JoinSet::new();
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    loop {
        match waiting.next() {
            Some(address) => drop(attempts.spawn(connect(address))),
            None if attempts.is_empty() => return Err(failure),
            None => {}
        }
        let ended = if waiting.peek().is_some() {
            // Nothing finished yet: try the next address in parallel.
            tokio::time::timeout(HEAD_START, attempts.join_next()).await.unwrap_or_default()
        } else {
            attempts.join_next().await
        };
        match ended {
            Some(Ok(Ok(connected))) => return Ok(connected),
            Some(Ok(Err(error))) => failure = error,
            // A panic counts as a failed attempt.
            Some(Err(error)) => failure = io::Error::other(error),
            None => {}
        }
    }
}

/// Alternates the address families, starting with the resolver's first choice.
fn alternating(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let is_v6_first = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == is_v6_first);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut turns = Vec::new();
    loop {
        let pair = [first.next(), second.next()];
        if pair == [None, None] {
            return turns;
        }
        turns.extend(pair.into_iter().flatten());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::TaskClock;
    use crate::domain::time::Span;
    use std::sync::{Arc, Mutex};

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn all(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| address(text)).collect()
    }

    /// Connects to these: `swallowed` addresses never answer; the others take 10 ms, and refuse on port 9.
    async fn connect(
        addresses: Vec<SocketAddr>,
        swallowed: &[&str],
    ) -> (io::Result<SocketAddr>, Vec<SocketAddr>, Span) {
        let swallowed = all(swallowed);
        let tried = Arc::new(Mutex::new(Vec::new()));
        let begun = TaskClock::start();
        let attempt = |to: SocketAddr| {
            tried.lock().unwrap().push(to);
            let is_swallowed = swallowed.contains(&to);
            async move {
                if is_swallowed {
                    std::future::pending::<()>().await;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
                if to.port() == 9 { Err(io::ErrorKind::ConnectionRefused.into()) } else { Ok(to) }
            }
        };
        let reached = race(addresses, attempt).await;
        let tried = tried.lock().unwrap().clone();
        (reached, tried, begun.steady())
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_swallows_packets_costs_a_quarter_of_a_second() {
        let (reached, _, took) =
            connect(all(&["[::1]:80", "[::2]:80", "127.0.0.1:80"]), &["[::1]:80", "[::2]:80"]).await;
        assert_eq!(reached.unwrap(), address("127.0.0.1:80"));
        assert_eq!(took, Span::from_millis(260), "the other family is second");
        let (reached, _, took) = connect(all(&["127.0.0.1:80", "127.0.0.2:80"]), &["127.0.0.1:80"]).await;
        assert_eq!(
            (reached.unwrap(), took),
            (address("127.0.0.2:80"), Span::from_millis(260)),
            "also within a family"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_answers_is_the_only_one_tried() {
        let (reached, tried, _) = connect(all(&["[::1]:80", "127.0.0.1:80"]), &[]).await;
        assert_eq!((reached.unwrap(), tried), (address("[::1]:80"), all(&["[::1]:80"])));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_followed_by_the_next_address_at_once() {
        let (reached, _, took) = connect(all(&["127.0.0.1:9", "127.0.0.2:80"]), &[]).await;
        assert_eq!((reached.unwrap(), took), (address("127.0.0.2:80"), Span::from_millis(20)));
        let (reached, ..) = connect(all(&["127.0.0.1:9", "[::1]:9"]), &[]).await;
        assert_eq!(reached.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(connect(Vec::new(), &[]).await.0.unwrap_err().to_string(), "the host has no address");
    }

    #[test]
    fn families_take_turns() {
        let turns = alternating(all(&["[::1]:1", "[::2]:1", "[::3]:1", "127.0.0.1:1", "127.0.0.2:1"]));
        assert_eq!(turns, all(&["[::1]:1", "127.0.0.1:1", "[::2]:1", "127.0.0.2:1", "[::3]:1"]));
    }
}
