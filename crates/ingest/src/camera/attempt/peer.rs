//! Who the other end is.

use std::net::SocketAddr;

/// The camera, as errors name it.
#[derive(Debug, Default)]
pub(super) struct Peer {
    pub(super) name: String,
    /// Far and near end of the connection.
    pub(super) addresses: Option<(SocketAddr, SocketAddr)>,
}

impl Peer {
    pub(super) fn new(host: &str, port: u16) -> Self {
        let name = if host.contains(':') {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        };
        Peer {
            name,
            addresses: None,
        }
    }

    pub(super) fn connected(&mut self, addresses: (SocketAddr, SocketAddr)) {
        if self.name != addresses.0.to_string() {
            self.name = format!("{} ({})", self.name, addresses.0.ip());
        }
        self.addresses = Some(addresses);
    }
}
