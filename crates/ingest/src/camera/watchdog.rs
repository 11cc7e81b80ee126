//! What should have happened by now, once the camera said that it plays.

use std::time::{Duration, Instant};

use crate::{Timeouts, Transport};

/// What did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alarm {
    /// No RTP packet since PLAY was answered.
    NothingArrived { waited: Duration },
    /// RTP packets came, then none for half of the time after which they count as stalled: worth asking for a sign of life. Rung
    /// once per gap.
    Quiet,
    /// RTP packets came, then none any more.
    Stalled { waited: Duration },
    /// Packets come, but no picture out of them: worth a key frame request. Rung once per gap.
    NoPictureYet { waited: Duration },
    /// Packets come, but no picture out of them: given up.
    NoPicture { waited: Duration },
}

/// Remembers moments instead of arming timers: a packet costs one store.
#[derive(Debug)]
pub(super) struct Watchdog {
    limits: Timeouts,
    first_packet: Duration,
    playing_since: Instant,
    last_packet: Option<Instant>,
    quiet_told: bool,
    last_picture: Instant,
    picture_warned: bool,
}

impl Watchdog {
    /// Starts at PLAY's answer.
    pub(super) fn new(now: Instant, transport: Transport, limits: &Timeouts) -> Self {
        Watchdog {
            limits: *limits,
            first_packet: match transport {
                Transport::Tcp => limits.first_packet,
                Transport::Udp | Transport::Multicast => limits.first_packet_udp,
            },
            playing_since: now,
            last_packet: None,
            quiet_told: false,
            last_picture: now,
            picture_warned: false,
        }
    }

    pub(super) fn on_packet(&mut self, now: Instant) {
        self.last_packet = Some(now);
        self.quiet_told = false;
    }

    pub(super) fn on_picture(&mut self, now: Instant) {
        self.last_picture = now;
        self.picture_warned = false;
    }

    /// How long pictures came for.
    pub(super) fn played(&self) -> Duration {
        self.last_picture.saturating_duration_since(self.playing_since)
    }

    pub(super) fn wake_at(&self) -> Instant {
        let Some(last_packet) = self.last_packet else {
            return self.playing_since + self.first_packet;
        };
        let picture = if self.picture_warned {
            self.limits.no_picture
        } else {
            self.limits.picture
        };
        (last_packet + self.silence()).min(self.last_picture + picture)
    }

    /// Without a packet, until the next alarm.
    fn silence(&self) -> Duration {
        if self.quiet_told {
            self.limits.stalled
        } else {
            self.limits.stalled / 2
        }
    }

    pub(super) fn poll(&mut self, now: Instant) -> Option<Alarm> {
        if now < self.wake_at() {
            return None;
        }
        let Some(last_packet) = self.last_packet else {
            return Some(Alarm::NothingArrived {
                waited: now - self.playing_since,
            });
        };
        if now >= last_packet + self.limits.stalled {
            return Some(Alarm::Stalled {
                waited: now - last_packet,
            });
        }
        if !self.quiet_told && now >= last_packet + self.silence() {
            self.quiet_told = true;
            return Some(Alarm::Quiet);
        }
        let waited = now - self.last_picture;
        if self.picture_warned {
            return Some(Alarm::NoPicture { waited });
        }
        self.picture_warned = true;
        Some(Alarm::NoPictureYet { waited })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn watchdog(transport: Transport) -> (Watchdog, Instant) {
        let now = Instant::now();
        (Watchdog::new(now, transport, &Timeouts::default()), now)
    }

    #[test]
    fn silence_is_noticed_earlier_over_udp() {
        for (transport, limit) in [(Transport::Tcp, 30), (Transport::Udp, 3)] {
            let (mut watchdog, start) = watchdog(transport);
            let limit = limit * SECOND;
            assert_eq!(
                watchdog.poll(start + limit.saturating_sub(Duration::from_millis(1))),
                None
            );
            assert_eq!(
                watchdog.poll(start + limit),
                Some(Alarm::NothingArrived { waited: limit })
            );
        }
    }

    #[test]
    fn q100_a_picture_a_second_is_no_silence() {
        for transport in [Transport::Tcp, Transport::Udp] {
            let (mut watchdog, start) = watchdog(transport);
            for second in 1..=120 {
                let now = start + second * SECOND;
                assert_eq!(watchdog.poll(now), None, "after {second} s");
                watchdog.on_packet(now);
                watchdog.on_picture(now);
            }
        }
    }

    #[test]
    fn packets_without_a_picture_warn_once_and_then_give_up() {
        let (mut watchdog, start) = watchdog(Transport::Tcp);
        let mut alarms = Vec::new();
        for second in 1..=90 {
            watchdog.on_packet(start + second * SECOND);
            alarms.extend(watchdog.poll(start + second * SECOND));
        }
        assert_eq!(
            alarms,
            [
                Alarm::NoPictureYet { waited: 20 * SECOND },
                Alarm::NoPicture { waited: 90 * SECOND }
            ]
        );
    }

    #[test]
    fn a_stream_that_stops_is_noticed_after_its_last_packet() {
        let (mut watchdog, start) = watchdog(Transport::Udp);
        watchdog.on_packet(start + SECOND);
        watchdog.on_picture(start + SECOND);
        assert_eq!(watchdog.wake_at(), start + 6 * SECOND);
        assert_eq!(watchdog.poll(start + 6 * SECOND), Some(Alarm::Quiet));
        assert_eq!(watchdog.wake_at(), start + 11 * SECOND);
        assert_eq!(
            watchdog.poll(start + 11 * SECOND),
            Some(Alarm::Stalled { waited: 10 * SECOND })
        );
    }
}
