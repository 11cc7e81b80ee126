use std::io;
use std::sync::Arc;
use std::time::Instant;

use bytes::{Buf, Bytes, BytesMut};
use throughline_rtsp::{Message, Parsed, Parser};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::WriteHalf;

use crate::server::{Burst, Connection, Delivery, Room};
use crate::udp::{Route, UdpPorts};

/// Bytes waiting for one client beside the picture in hand. Above it pictures are left out up to the next
/// IDR, and no request is read.
pub const MAX_SEND_QUEUE: usize = 512 * 1024;

/// Bytes read at once: some dozens of requests.
const READ_SIZE: usize = 16 * 1024;

/// Serves one client until it leaves, breaks the protocol or falls silent.
pub(crate) async fn serve(stream: TcpStream, connection: Connection, udp: Option<Arc<UdpPorts>>) {
    let client = Client {
        connection,
        parser: Parser::default(),
        inbox: BytesMut::with_capacity(READ_SIZE),
        outbox: BytesMut::new(),
        phase: Phase::Open,
        udp,
        route: None,
    };
    if let Err(error) = client.run(stream).await {
        tracing::debug!(%error, "connection lost");
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// The client cannot be understood any more: it is sent what is in the queue and nothing else.
    Closing,
}

#[derive(Debug)]
struct Client {
    connection: Connection,
    parser: Parser,
    inbox: BytesMut,
    outbox: BytesMut,
    phase: Phase,
    udp: Option<Arc<UdpPorts>>,
    route: Option<Route>,
}

impl Client {
    async fn run(mut self, mut stream: TcpStream) -> io::Result<()> {
        // A picture is one write already.
        stream.set_nodelay(true)?;
        let (mut reader, mut writer) = stream.split();
        while self.phase == Phase::Open || !self.outbox.is_empty() {
            let wake_at = self.connection.wake_at().into();
            let piece = self.connection.piece(self.outbox.len());
            let may_read = self.phase == Phase::Open && self.outbox.len() <= MAX_SEND_QUEUE;
            tokio::select! {
                read = reader.read_buf(&mut self.inbox), if may_read => {
                    if read? == 0 {
                        break;
                    }
                    self.handle_input(Instant::now());
                    // Answers go before packets: over UDP a client may not listen before it has seen them.
                    self.flush(&writer)?;
                }
                written = writer.write(self.outbox.get(..piece).unwrap_or_default()), if piece > 0 => {
                    self.outbox.advance(written?);
                }
                Some(datagram) = receive(self.route.as_mut()) => {
                    self.connection.handle_rtcp(Instant::now(), &datagram);
                }
                () = tokio::time::sleep_until(wake_at) => {}
            }
            let now = Instant::now();
            if self.connection.is_expired(now) {
                break;
            }
            self.send_due(now).await;
        }
        Ok(())
    }

    /// Sends as much of the queue as goes without waiting.
    fn flush(&mut self, writer: &WriteHalf<'_>) -> io::Result<()> {
        let piece = self.connection.piece(self.outbox.len());
        match writer.try_write(self.outbox.get(..piece).unwrap_or_default()) {
            Ok(written) => self.outbox.advance(written),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn handle_input(&mut self, now: Instant) {
        loop {
            let consumed = match self.parser.parse(&self.inbox) {
                Ok(Parsed::Incomplete) => break,
                Ok(Parsed::Skipped { consumed }) => consumed,
                Ok(Parsed::Interleaved {
                    consumed,
                    channel,
                    payload,
                }) => {
                    self.connection.handle_interleaved(now, channel, payload);
                    consumed
                }
                Ok(Parsed::Message { consumed, message }) => {
                    // The camera asks nothing, so a response answers nothing.
                    if let Message::Request(request) = message {
                        self.connection.respond(now, &request, &mut self.outbox);
                    }
                    if self.connection.hangs_up() {
                        self.phase = Phase::Closing;
                        break;
                    }
                    consumed
                }
                Err(error) => {
                    tracing::debug!(%error, "not RTSP");
                    self.connection.handle_malformed().write(&mut self.outbox);
                    self.phase = Phase::Closing;
                    break;
                }
            };
            self.inbox.advance(consumed);
            if self.connection.reads_once() {
                break;
            }
        }
        if self.connection.reads_once() {
            // What the parser remembers of a message that is cut off goes with it.
            self.inbox.clear();
            self.parser = Parser::default();
        }
        self.follow_delivery();
    }

    /// Takes RTCP from where the session, if it is one over UDP, says that it comes from.
    fn follow_delivery(&mut self) {
        let wanted = match self.connection.delivery() {
            Some(Delivery::Udp(addresses)) => Some(addresses.rtcp),
            _ => None,
        };
        if self.route.as_ref().map(Route::client) != wanted {
            self.route = wanted.and_then(|client| Some(self.udp.as_ref()?.route(client)));
        }
    }

    /// Sends what is due: over TCP all packets of a picture in one piece.
    async fn send_due(&mut self, now: Instant) {
        let room = if self.outbox.len() > MAX_SEND_QUEUE {
            Room::Full
        } else {
            Room::Available
        };
        let Some(delivery) = self.connection.delivery() else {
            return;
        };
        let Delivery::Udp(addresses) = delivery else {
            return self.connection.write_due(now, room, &mut self.outbox);
        };
        for packet in self
            .connection
            .handle_timeout(now, room)
            .into_iter()
            .flat_map(Burst::packets)
        {
            if let Some(udp) = &self.udp
                && let Err(error) = udp.send(packet, *addresses.of(packet.protocol)).await
            {
                // As on any network, the packet is lost and the stream goes on.
                tracing::debug!(%error, "packet not sent");
            }
        }
    }
}

/// The next datagram of a session over UDP; `None` where there is no such session.
async fn receive(route: Option<&mut Route>) -> Option<Bytes> {
    route?.receive().await
}
