//! Happy Eyeballs ([RFC 8305](https://www.rfc-editor.org/rfc/rfc8305)): an address that nobody answers at delays the
//! connection by a quarter of a second, not by a time-out.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// A host is tried at no more addresses: even a cloud's gateway has no more that differ.
pub(super) const MAX_ADDRESSES: usize = 8;
/// From one address to the next ([RFC 8305 §5](https://www.rfc-editor.org/rfc/rfc8305#section-5)).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// The addresses in the order in which they are tried: the resolver's, but for the families in turn
/// ([RFC 8305 §4](https://www.rfc-editor.org/rfc/rfc8305#section-4)).
pub(super) fn order(resolved: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut resolved = resolved.peekable();
    let prefers_v6 = resolved.peek().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = resolved.partition(|address| address.is_ipv6() == prefers_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut ordered = Vec::new();
    while ordered.len() < MAX_ADDRESSES {
        let pair = [first.next(), second.next()];
        if pair == [None, None] {
            break;
        }
        for address in pair.into_iter().flatten() {
            if !ordered.contains(&address) {
                ordered.push(address);
            }
        }
    }
    ordered.truncate(MAX_ADDRESSES);
    ordered
}

/// Opens a connection to each address in turn, the next when one failed or after [`ATTEMPT_DELAY`], until the first is
/// there; the others are dropped. The error is the one of somebody who refused, or else the last.
pub(super) async fn race<T, F>(addresses: &[SocketAddr], open: impl Fn(SocketAddr) -> F) -> io::Result<T>
where
    F: Future<Output = io::Result<T>>,
{
    let mut waiting = addresses.iter();
    let mut running = Vec::new();
    let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
    let mut next = pin!(sleep(Duration::ZERO));
    poll_fn(move |cx| {
        loop {
            let mut connected = None;
            running.retain_mut(
                |attempt: &mut std::pin::Pin<Box<F>>| match attempt.as_mut().poll(cx) {
                    Poll::Pending => true,
                    Poll::Ready(Ok(connection)) => {
                        connected.get_or_insert(connection);
                        false
                    }
                    Poll::Ready(Err(error)) => {
                        if failure.kind() != io::ErrorKind::ConnectionRefused {
                            failure = error;
                        }
                        next.as_mut().reset(Instant::now());
                        false
                    }
                },
            );
            if let Some(connection) = connected {
                return Poll::Ready(Ok(connection));
            }
            if waiting.len() == 0 {
                if running.is_empty() {
                    let failure = std::mem::replace(&mut failure, io::ErrorKind::Other.into());
                    return Poll::Ready(Err(failure));
                }
                return Poll::Pending;
            }
            if next.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            running.extend(waiting.next().map(|&address| Box::pin(open(address))));
            next.as_mut().reset(Instant::now() + ATTEMPT_DELAY);
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    const V6: [&str; 3] = ["[2001:db8::1]:554", "[2001:db8::2]:554", "[2001:db8::3]:554"];
    const V4: [&str; 2] = ["192.0.2.1:554", "192.0.2.2:554"];

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts
            .iter()
            .map(|text| text.parse().expect("an address"))
            .collect()
    }

    fn order_of(texts: &[&str]) -> Vec<String> {
        let ordered = order(addresses(texts).into_iter());
        ordered.iter().map(SocketAddr::to_string).collect()
    }

    #[test]
    fn families_take_turns_beginning_with_the_one_that_the_resolver_prefers() {
        assert_eq!(
            order_of(&[V6[0], V6[1], V6[2], V4[0], V4[1]]),
            [V6[0], V4[0], V6[1], V4[1], V6[2]]
        );
        assert_eq!(order_of(&[V4[0], V6[0], V4[1]]), [V4[0], V6[0], V4[1]]);
        assert_eq!(order_of(&[V4[0], V4[0], V4[1]]), [V4[0], V4[1]]);
        let many = (1..=200).map(|n| SocketAddr::from(([192, 0, 2, n], 554)));
        assert_eq!(order(many).len(), MAX_ADDRESSES);
        assert!(order_of(&[]).is_empty());
    }

    /// What an address does: after a while it accepts or fails; `None` for a black hole.
    type Behaviour = Option<(Duration, Result<(), io::ErrorKind>)>;

    /// Who won and when, or the error; and when each address was tried.
    async fn run(behaviours: &[Behaviour]) -> (Result<usize, io::ErrorKind>, Duration, Vec<u128>) {
        let start = Instant::now();
        let tried = RefCell::new(Vec::new());
        let places: Vec<SocketAddr> = (0..)
            .zip(behaviours)
            .map(|(port, _)| SocketAddr::from(([192, 0, 2, 1], port)))
            .collect();
        let raced = race(&places, |place| {
            let index = usize::from(place.port());
            tried.borrow_mut().push(start.elapsed().as_millis());
            let behaviour = behaviours[index];
            async move {
                let Some((after, result)) = behaviour else {
                    return std::future::pending().await;
                };
                sleep(after).await;
                result.map(|()| index).map_err(io::Error::from)
            }
        })
        .await;
        (
            raced.map_err(|error| error.kind()),
            start.elapsed(),
            tried.into_inner(),
        )
    }

    const fn after(millis: u64, result: Result<(), io::ErrorKind>) -> (Duration, Result<(), io::ErrorKind>) {
        (Duration::from_millis(millis), result)
    }

    #[tokio::test(start_paused = true)]
    async fn a_black_hole_costs_a_quarter_of_a_second() {
        let (winner, took, tried) = run(&[None, Some(after(10, Ok(())))]).await;
        assert_eq!((winner, took.as_millis(), tried), (Ok(1), 260, vec![0, 250]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_first_address_still_wins_over_a_slower_second() {
        let (winner, took, tried) = run(&[
            Some(after(300, Ok(()))),
            Some(after(100, Ok(()))),
            Some(after(0, Ok(()))),
        ])
        .await;
        assert_eq!((winner, took.as_millis(), tried), (Ok(0), 300, vec![0, 250]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_brings_the_next_address_at_once() {
        let refused = Err(io::ErrorKind::ConnectionRefused);
        let (winner, took, tried) = run(&[Some(after(5, refused)), None, Some(after(20, Ok(())))]).await;
        assert_eq!((winner, took.as_millis(), tried), (Ok(2), 275, vec![0, 5, 255]));
    }

    #[tokio::test(start_paused = true)]
    async fn when_all_fail_the_one_that_refused_is_told_of() {
        let behaviours = [
            Some(after(0, Err(io::ErrorKind::NetworkUnreachable))),
            Some(after(0, Err(io::ErrorKind::ConnectionRefused))),
            Some(after(0, Err(io::ErrorKind::HostUnreachable))),
        ];
        let (winner, took, tried) = run(&behaviours).await;
        assert_eq!(winner, Err(io::ErrorKind::ConnectionRefused));
        assert!(took.as_millis() <= 5 && tried.len() == 3, "{took:?} {tried:?}");
    }
}
