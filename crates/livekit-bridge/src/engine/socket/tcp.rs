//! A TCP connection with the framing of [RFC 4571](https://www.rfc-editor.org/rfc/rfc4571#section-2).

use std::io;
use std::net::SocketAddr;
use std::task::Context;

use bytes::{Buf, BufMut, BytesMut};
use tokio::net::TcpStream;

/// Bytes that wait for a slow TCP peer: half a second at 16 Mbit/s. What comes on top is dropped, as a network would.
const MAX_TCP_BACKLOG: usize = 1024 * 1024;

/// The length field before each TCP frame.
const FRAME_HEADER: usize = 2;

#[derive(Debug)]
pub(super) struct Tcp {
    stream: TcpStream,
    pub(super) local: SocketAddr,
    pub(super) peer: SocketAddr,
    inbox: BytesMut,
    outbox: BytesMut,
    pub(super) open: bool,
}

impl Tcp {
    pub(super) fn new(stream: TcpStream) -> io::Result<Self> {
        let (local, peer) = (stream.local_addr()?, stream.peer_addr()?);
        Ok(Self {
            stream,
            local,
            peer,
            inbox: BytesMut::new(),
            outbox: BytesMut::new(),
            open: true,
        })
    }

    pub(super) fn send(&mut self, contents: &[u8]) {
        let Ok(length) = u16::try_from(contents.len()) else {
            return;
        };
        if self.outbox.len() + FRAME_HEADER + contents.len() > MAX_TCP_BACKLOG {
            return;
        }
        self.outbox.put_u16(length);
        self.outbox.put_slice(contents);
        self.flush();
    }

    fn flush(&mut self) {
        while !self.outbox.is_empty() {
            match self.stream.try_write(&self.outbox) {
                Ok(written) => self.outbox.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => return self.fail(&error),
            }
        }
    }

    /// Whether something can be read, or more than before be written.
    pub(super) fn poll_ready(&mut self, context: &mut Context<'_>) -> bool {
        let mut ready = self.stream.poll_read_ready(context).is_ready();
        if !self.outbox.is_empty() && self.stream.poll_write_ready(context).is_ready() {
            self.flush();
            // Registers for the next time, if the kernel did not take all.
            ready |= !self.outbox.is_empty() && self.stream.poll_write_ready(context).is_ready();
        }
        ready
    }

    /// Copies the next whole frame into `buffer` and returns its length.
    pub(super) fn next_frame(&mut self, buffer: &mut [u8]) -> Option<usize> {
        loop {
            if let Some(length) = self.take_frame(buffer) {
                return Some(length);
            }
            if !self.open {
                return None;
            }
            match self.stream.try_read_buf(&mut self.inbox) {
                Ok(0) => self.fail(&io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                Err(error) => self.fail(&error),
            }
        }
    }

    /// Skips frames that `buffer` cannot hold: no packet of WebRTC is that large.
    fn take_frame(&mut self, buffer: &mut [u8]) -> Option<usize> {
        loop {
            let length = usize::from(u16::from_be_bytes(self.inbox.first_chunk().copied()?));
            if self.inbox.len() < FRAME_HEADER + length {
                return None;
            }
            self.inbox.advance(FRAME_HEADER);
            let frame = self.inbox.split_to(length);
            if let Some(target) = buffer.get_mut(..length) {
                target.copy_from_slice(&frame);
                return Some(length);
            }
        }
    }

    fn fail(&mut self, error: &io::Error) {
        tracing::debug!(%error, peer = %self.peer, "ICE-TCP connection lost");
        self.open = false;
        self.outbox.clear();
    }
}
