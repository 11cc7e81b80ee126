//! What goes wrong, as an error that names the camera.

use std::io;
use std::time::Instant;

use throughline_rtsp::StatusCode;
use throughline_rtsp::client;
use throughline_rtsp::tunnel::TunnelError;

use super::super::ConnectError;
use super::super::lasting::Lasting;
use super::{Attempt, End, Step};
use crate::{Error, StreamEnd, Transport, TransportPolicy};

impl Attempt {
    pub(in crate::camera) fn handle_connect_failed(&mut self, error: ConnectError) {
        let peer = self.peer.name.clone();
        self.fail(match error {
            ConnectError::Resolve(cause) => Error::Unresolvable { peer, cause },
            ConnectError::ResolveTimeout { waited } => Error::ResolveTimeout { peer, waited },
            ConnectError::Connect(cause) if cause.kind() == io::ErrorKind::ConnectionRefused => {
                Error::ConnectRefused { peer }
            }
            ConnectError::Connect(cause) => Error::Unreachable { peer, cause },
            ConnectError::ConnectTimeout { waited, addresses } => Error::ConnectTimeout {
                peer,
                waited,
                addresses,
            },
            ConnectError::Tls(cause) => Error::Tls { peer, cause },
            ConnectError::TlsTimeout { waited } => Error::TlsTimeout { peer, waited },
            ConnectError::Tunnel(cause) => Error::Tunnel { peer, cause },
            ConnectError::TunnelTimeout { waited } => Error::TunnelTimeout { peer, waited },
        });
    }

    pub(in crate::camera) fn handle_closed(
        &mut self,
        now: Instant,
        error: Option<io::Error>,
        lasting: &mut Lasting,
    ) {
        let error = match error.map(io::Error::downcast::<TunnelError>) {
            // A new connection goes the same way, and credentials that POST refuses are not tried again (Q103).
            Some(Ok(cause)) => {
                let peer = self.peer.name.clone();
                return self.fail(Error::Tunnel { peer, cause });
            }
            Some(Err(error)) => Some(error),
            None => None,
        };
        // First the session, for it knows when a new connection mends this (Q28).
        self.session.handle_closed(now);
        self.advance(now, lasting);
        if let (Some(End::Failed(failure)), Some(cause)) = (self.end.as_deref_mut(), error) {
            let awaiting = match failure {
                Error::Rtsp {
                    cause: client::Error::Closed { awaiting },
                    ..
                } => awaiting.take(),
                _ => None,
            };
            let peer = self.peer.name.clone();
            *failure = Error::ConnectionLost {
                peer,
                awaiting,
                cause,
            };
        }
    }

    pub(super) fn session_error(&self, cause: client::Error) -> Error {
        let peer = self.peer.name.clone();
        match cause {
            client::Error::Closed { .. } if self.step == Step::Playing => Error::StreamEnded {
                peer,
                how: StreamEnd::Closed,
            },
            client::Error::TornDownByServer { .. } => Error::StreamEnded {
                peer,
                how: StreamEnd::TornDown,
            },
            client::Error::Asleep { .. } => Error::Asleep { peer, cause },
            client::Error::NoCredentials { .. } => Error::NoCredentials { peer, cause },
            client::Error::CredentialsRefused { .. } => Error::CredentialsRefused { peer, cause },
            client::Error::Busy { .. } => Error::Busy { peer, cause },
            client::Error::TransportRefused { .. } | client::Error::TransportMismatch { .. } => {
                Error::TransportRefused { peer, cause }
            }
            client::Error::Status { status, .. } if status == StatusCode::NOT_FOUND => {
                Error::NotFound { peer, cause }
            }
            _ => Error::Rtsp { peer, cause },
        }
    }

    /// What it means that no packets come.
    pub(super) fn silence(&self, error: Error) -> Error {
        match error {
            // Only to somebody who insists on UDP is TCP a remedy.
            Error::NoMedia {
                peer,
                waited,
                transport: Transport::Udp,
                others: 0,
                ssrc: None,
                ..
            } if self.policy == TransportPolicy::Udp => Error::UdpBlocked { peer, waited },
            Error::NoMedia {
                peer, waited, ssrc, ..
            } if ssrc.is_some() && self.asked.is_some() && self.heard < self.asked => {
                Error::ConnectionDead { peer, waited, ssrc }
            }
            error => error,
        }
    }
}
