//! What the way from a camera to here suggests: settings of the camera, of the network between and of this machine.

use std::time::Duration;

use throughline_ingest::{DelayHandling, ErrorKind, KernelDrops, Loss, Missing, ReceiveBuffer, Transport};

use super::verdict::Problem;

/// Another transport was gone on with.
pub(crate) fn fallback(from: Transport, to: Transport, reason: ErrorKind) -> Problem {
    let remedy = match (from, reason) {
        (_, ErrorKind::Lossy) => {
            "use --transport tcp, a cable in place of Wi-Fi, or a lower bitrate in the camera"
        }
        (Transport::Tcp, ErrorKind::TransportRefused) => {
            "--transport udp saves the try; where UDP loses packets, switch RTP over RTSP (TCP) on in the camera"
        }
        (Transport::Tcp, _) => "--transport udp saves the wait; restart the camera or update its firmware",
        (Transport::Udp, ErrorKind::TransportRefused) => {
            "--transport tcp saves the try; for a lower latency, switch RTP over UDP (unicast) on in the camera"
        }
        (Transport::Udp, ErrorKind::NoUdpPorts) => "--transport tcp saves the try",
        (Transport::Udp, _) => {
            "let UDP from the camera through the firewalls between, or save the wait by --transport tcp"
        }
        (Transport::Multicast, _) => {
            "let multicast (IGMP) through the switches between, or use --transport tcp or udp"
        }
    };
    Problem::worsens(format!("{to} in place of {from}: {reason}"), remedy)
}

/// The kernel keeps less of what arrives than was asked for.
pub(crate) fn receive_buffer(buffer: &ReceiveBuffer) -> Problem {
    Problem::worsens(
        format!(
            "the kernel keeps {} of the {} KiB that UDP packets may arrive in at once, and drops the rest",
            buffer.granted / 1024,
            buffer.asked / 1024
        ),
        format!("sysctl -w net.core.rmem_max={}", buffer.asked),
    )
}

/// This machine loses what has arrived.
pub(crate) fn kernel_drops(drops: &KernelDrops) -> Problem {
    let what = format!(
        "the kernel dropped {} packets that nobody read in time",
        drops.dropped
    );
    match &drops.receive_buffer {
        Some(buffer) if buffer.granted < buffer.asked => {
            Problem::worsens(what, receive_buffer(buffer).remedy)
        }
        _ => Problem::worsens(
            what,
            "this machine is too slow for its cameras: give it fewer, or lower their bitrate",
        ),
    }
}

/// Most pictures are lost, and there is no transport left that may do better.
pub(crate) fn lossy(transport: Option<Transport>, loss: &Loss) -> Problem {
    let remedy = match transport {
        Some(Transport::Tcp) => "lower the camera's bitrate, or close other viewers of it",
        _ => "use --transport tcp, a cable in place of Wi-Fi, or a lower bitrate in the camera",
    };
    Problem::worsens(loss.to_string(), remedy)
}

/// A part of what the camera sends is noise.
pub(crate) fn unreadable(unreadable: u64, packets: u64) -> Problem {
    Problem::worsens(
        format!("{unreadable} of {packets} packets cannot be read, and are passed over"),
        "restart the camera, or update its firmware",
    )
}

/// Pictures come much later than they could.
pub(crate) fn delayed(delay: Duration, handling: DelayHandling) -> Problem {
    let what = match handling {
        DelayHandling::Drop => {
            format!("pictures come {delay:.1?} late, and are dropped up to the next key frame")
        }
        DelayHandling::Keep => format!("pictures come {delay:.1?} late, also after dropping some"),
    };
    Problem::worsens(
        what,
        "lower the camera's bitrate, close other viewers of it, or look for a network or a machine that is too slow",
    )
}

/// Packets come, but no picture out of them.
pub(crate) fn no_picture(missing: Missing, waited: Duration) -> Problem {
    let what = match missing {
        Missing::ParameterSets => "no SPS and PPS",
        Missing::Idr => "no IDR picture",
    };
    Problem::worsens(
        format!("{what} for {waited:.0?}"),
        "set the I-frame interval to 1 or 2 s, smart codecs and encryption off",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn udp_that_a_firewall_holds_back_leads_to_the_firewall_or_tcp() {
        let problem = fallback(Transport::Udp, Transport::Tcp, ErrorKind::NoMedia);
        assert_eq!(problem.what, "TCP in place of UDP: no packet");
        assert!(problem.remedy.contains("firewalls") && problem.remedy.contains("--transport tcp"));
        assert!(!problem.blocks);
    }

    #[test]
    fn each_way_to_leave_a_transport_has_its_setting() {
        let remedy = |from, reason| fallback(from, Transport::Tcp, reason).remedy;
        assert!(remedy(Transport::Tcp, ErrorKind::TransportRefused).contains("RTP over RTSP"));
        assert!(remedy(Transport::Udp, ErrorKind::TransportRefused).contains("unicast"));
        assert!(remedy(Transport::Udp, ErrorKind::Lossy).contains("a cable in place of Wi-Fi"));
        assert!(remedy(Transport::Multicast, ErrorKind::NoMedia).contains("IGMP"));
    }

    #[test]
    fn a_small_receive_buffer_is_mended_by_a_command_with_its_number() {
        let problem = receive_buffer(&ReceiveBuffer {
            asked: 4 * 1024 * 1024,
            granted: 212_992,
        });
        assert!(problem.what.contains("208 of the 4096 KiB"), "{}", problem.what);
        assert_eq!(problem.remedy, "sysctl -w net.core.rmem_max=4194304");
    }

    #[test]
    fn drops_of_the_kernel_come_of_a_small_buffer_or_a_slow_machine() {
        let drops = |granted| KernelDrops {
            dropped: 7,
            receive_buffer: Some(ReceiveBuffer {
                asked: 4 << 20,
                granted,
            }),
        };
        assert_eq!(
            kernel_drops(&drops(212_992)).remedy,
            "sysctl -w net.core.rmem_max=4194304"
        );
        let slow = kernel_drops(&drops(4 << 20));
        assert!(slow.what.contains("dropped 7 packets") && slow.remedy.contains("too slow"));
    }

    #[test]
    fn loss_over_tcp_is_the_cameras_own() {
        let loss = Loss {
            lost: 30,
            expected: 100,
            dropped: 20,
            pictures: 25,
            over: Duration::from_secs(10),
        };
        let udp = lossy(Some(Transport::Udp), &loss);
        assert!(udp.what.contains("30 of 100 packets") && udp.remedy.contains("--transport tcp"));
        assert!(!lossy(Some(Transport::Tcp), &loss).remedy.contains("--transport"));
    }
}
