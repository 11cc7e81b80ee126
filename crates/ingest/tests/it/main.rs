//! The camera in simulation, and the driver over loopback sockets.

#[cfg(test)]
mod failing;
#[cfg(test)]
mod fallback;
#[cfg(test)]
mod garbage;
#[cfg(test)]
mod http;
#[cfg(test)]
mod http_tunnel;
#[cfg(test)]
mod loopback;
#[cfg(test)]
mod overload;
#[cfg(test)]
mod peer;
#[cfg(test)]
mod playing;
#[cfg(test)]
mod silence;
#[cfg(test)]
mod sim;
#[cfg(test)]
mod srtp;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod transports;
#[cfg(test)]
mod websocket;
#[cfg(test)]
mod workers;
