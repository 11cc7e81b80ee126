//! What the kernel dropped because nobody read it in time. Only Linux tells, in its lists of sockets: the socket options that
//! tell (`SO_RXQ_OVFL`, `SO_MEMINFO`) are in no crate that is kept well, beside one that receives in batches.

use std::io;
use std::net::UdpSocket;
use std::time::Instant;

/// A socket whose drops are counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted(imp::Socket);

impl Counted {
    pub(crate) fn new(socket: &UdpSocket) -> io::Result<Self> {
        imp::Socket::new(socket).map(Counted)
    }

    /// Datagrams since the socket was bound, as known within [`imp::READ_EVERY`]; nothing where the system does not tell.
    pub(crate) fn dropped(self, now: Instant) -> Option<u32> {
        self.0.dropped(now)
    }
}

#[cfg(target_os = "linux")]
mod imp {
    use std::cell::RefCell;
    use std::fs::File;
    use std::io::{self, BufRead, BufReader, Read};
    use std::net::UdpSocket;
    use std::os::fd::OwnedFd;
    use std::os::unix::fs::MetadataExt;
    use std::time::{Duration, Instant};

    /// A list is read no more often: a thousand sockets take the kernel some milliseconds.
    pub(super) const READ_EVERY: Duration = Duration::from_secs(10);
    /// Of a list: some 128 bytes a socket, for as many sockets as there are ports.
    const MAX_BYTES: u64 = 8 * 1024 * 1024;

    thread_local! {
        // One reading a thread, not a camera: a machine that is too slow loses the packets of many.
        static LISTS: RefCell<[Option<List>; 2]> = const { RefCell::new([None, None]) };
    }

    #[derive(Clone, Copy, Debug)]
    pub(super) struct Socket {
        inode: u64,
        family: Family,
    }

    #[derive(Clone, Copy, Debug)]
    enum Family {
        V4,
        V6,
    }

    #[derive(Debug)]
    struct List {
        read_at: Instant,
        /// Inodes in their order, and what was dropped.
        drops: Vec<(u64, u32)>,
    }

    impl Socket {
        pub(super) fn new(socket: &UdpSocket) -> io::Result<Self> {
            let family = if socket.local_addr()?.is_ipv4() {
                Family::V4
            } else {
                Family::V6
            };
            // A descriptor of its own: the file closes it.
            let inode = File::from(OwnedFd::from(socket.try_clone()?)).metadata()?.ino();
            Ok(Socket { inode, family })
        }

        pub(super) fn dropped(self, now: Instant) -> Option<u32> {
            LISTS.with_borrow_mut(|[v4, v6]| {
                let (list, path) = match self.family {
                    Family::V4 => (v4, "/proc/net/udp"),
                    Family::V6 => (v6, "/proc/net/udp6"),
                };
                if list.as_ref().is_none_or(|list| list.read_at + READ_EVERY <= now) {
                    let read = File::open(path).and_then(|file| read(file.take(MAX_BYTES)));
                    *list = Some(List {
                        read_at: now,
                        drops: read.unwrap_or_else(|error| {
                            tracing::debug!(%error, path, "not known what the kernel drops");
                            Vec::new()
                        }),
                    });
                }
                let drops = &list.as_ref()?.drops;
                let found = drops
                    .binary_search_by_key(&self.inode, |(inode, _)| *inode)
                    .ok()?;
                drops.get(found).map(|(_, dropped)| *dropped)
            })
        }
    }

    fn read(list: impl Read) -> io::Result<Vec<(u64, u32)>> {
        let mut drops = Vec::new();
        for line in BufReader::new(list).lines().skip(1) {
            drops.extend(parse(&line?));
        }
        drops.sort_unstable();
        Ok(drops)
    }

    /// `sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode ref pointer drops`
    fn parse(line: &str) -> Option<(u64, u32)> {
        let mut fields = line.split_ascii_whitespace().skip(9);
        let inode = fields.next()?.parse().ok()?;
        Some((inode, fields.nth(2)?.parse().ok()?))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_list_is_read_by_its_inodes() {
            let list = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
                 \x20 97: 0100007F:ED7F 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 1560153 2 00000000c22cc7ed 0\n\
                 \x20123: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 07 00000000:00000300 00:00000000 00000000     0        0 4711 2 0000000000000000 4294967295\n\
                 torn line\n";
            let read = read(list.as_bytes()).expect("a list");
            assert_eq!(read, [(4_711, u32::MAX), (1_560_153, 0)]);
        }

        #[test]
        fn what_nobody_read_is_counted_for_its_socket_alone() -> io::Result<()> {
            for local in ["127.0.0.1:0", "[::1]:0"] {
                let Ok(full) = UdpSocket::bind(local) else {
                    // A host without IPv6.
                    continue;
                };
                let calm = UdpSocket::bind(local)?;
                socket2::SockRef::from(&full).set_recv_buffer_size(64 * 1024)?;
                for _ in 0..2_000 {
                    calm.send_to(&[0; 1_400], full.local_addr()?)?;
                }
                let (now, later) = (Instant::now(), Instant::now() + READ_EVERY);
                let (full, calm) = (Socket::new(&full)?, Socket::new(&calm)?);
                let dropped = full.dropped(now).expect("a figure");
                assert!(dropped > 0 && dropped < 2_000, "{dropped}");
                assert_eq!(calm.dropped(now), Some(0));
                assert_eq!(full.dropped(later), Some(dropped));
            }
            Ok(())
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod imp {
    use std::io;
    use std::net::UdpSocket;
    use std::time::Instant;

    #[derive(Clone, Copy, Debug)]
    pub(super) struct Socket;

    impl Socket {
        #[expect(clippy::unnecessary_wraps, reason = "it can fail elsewhere")]
        pub(super) fn new(_: &UdpSocket) -> io::Result<Self> {
            Ok(Socket)
        }

        #[expect(clippy::unused_self, reason = "it is used elsewhere")]
        pub(super) fn dropped(self, _: Instant) -> Option<u32> {
            None
        }
    }
}
