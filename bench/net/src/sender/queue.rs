//! How much waits in a client's UDP socket, as the kernel tells: what takes the place of TCP's flow control here.

use std::fs::File;
use std::io::{Read, Seek};
use std::net::SocketAddr;

use anyhow::{Context, Result};

/// The receive queue of a socket on this machine.
#[derive(Debug)]
pub(super) struct ReceiveQueue {
    table: File,
    text: String,
    /// `0100007F:1F90`, as the table has it.
    address: String,
    /// Bytes that may wait there, by the kernel's count.
    window: usize,
    /// What is sent and may still wait there.
    waiting: usize,
}

impl ReceiveQueue {
    pub(super) fn new(socket: SocketAddr, window: usize) -> Result<Self> {
        Ok(ReceiveQueue {
            table: File::open("/proc/net/udp")?,
            text: String::new(),
            address: format!(":{:04X}", socket.port()),
            window,
            waiting: 0,
        })
    }

    /// Whether `bytes` more may be sent, which are then counted as sent. Without a window all may.
    pub(super) fn has_room_for(&mut self, bytes: usize) -> Result<bool> {
        if self.window == 0 {
            return Ok(true);
        }
        if self.waiting + bytes > self.window {
            self.waiting = self.read()?.0;
        }
        let has_room = self.waiting + bytes <= self.window;
        if has_room {
            self.waiting += bytes;
        }
        Ok(has_room)
    }

    /// Datagrams that found no room.
    pub(super) fn dropped(&mut self) -> Result<u64> {
        Ok(self.read()?.1)
    }

    /// Bytes that wait, and datagrams dropped.
    fn read(&mut self) -> Result<(usize, u64)> {
        self.text.clear();
        self.table.rewind()?;
        self.table.read_to_string(&mut self.text)?;
        let line = self.text.lines().find(|line| {
            let local = line.split_whitespace().nth(1);
            local.is_some_and(|local| local.ends_with(&self.address))
        });
        let mut fields = line.context("the client has no such socket")?.split_whitespace();
        let (_, waiting) = fields
            .nth(4)
            .and_then(|queues| queues.split_once(':'))
            .context("no queues")?;
        let dropped = fields.last().context("no drops")?;
        Ok((usize::from_str_radix(waiting, 16)?, dropped.parse()?))
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, UdpSocket};

    use super::*;

    #[test]
    fn what_nobody_reads_takes_the_room_and_reading_gives_it_back() -> Result<()> {
        let reader = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = reader.local_addr()?;
        let writer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let mut queue = ReceiveQueue::new(address, 8000)?;
        let mut sent = 0;
        while queue.has_room_for(2000)? {
            writer.send_to(&[0; 1400], address)?;
            sent += 1;
        }
        assert!((1..=4).contains(&sent), "{sent}");
        assert_eq!(queue.dropped()?, 0);
        for _ in 0..sent {
            reader.recv(&mut [0; 1400])?;
        }
        assert!(queue.has_room_for(2000)?);
        Ok(())
    }
}
