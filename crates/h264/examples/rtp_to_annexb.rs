//! RTP packets as another crate reads them (here [`rtp-types`](https://docs.rs/rtp-types)) to Annex-B: packets from
//! stdin, each behind its length in two bytes ([RFC 4571 §2](https://www.rfc-editor.org/rfc/rfc4571#section-2)), whole
//! pictures to stdout.
//!
//!     cargo run -p throughline-h264 --example rtp_to_annexb < camera.rtp | ffplay -

use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};

use rtp_types::RtpPacket;
use throughline_h264::{Depacketizer, DepacketizerConfig, RtpPayload, Timestamp};

fn main() -> Result<(), Box<dyn Error>> {
    convert(io::stdin().lock(), io::stdout().lock())
}

/// Takes packets in order; those that are missing cost the pictures up to the next IDR.
pub(crate) fn convert(mut packets: impl Read, mut pictures: impl Write) -> Result<(), Box<dyn Error>> {
    let mut depacketizer = Depacketizer::new(DepacketizerConfig::default());
    let mut previous: Option<(u16, u32)> = None;
    let mut unwrapped = 0;
    while let Some(bytes) = next_packet(&mut packets)? {
        let packet = RtpPacket::parse(&bytes)?;
        let (sequence_number, timestamp) = (packet.sequence_number(), packet.timestamp());
        let (before, earlier) = previous.unwrap_or((sequence_number.wrapping_sub(1), timestamp));
        previous = Some((sequence_number, timestamp));
        // Both wrap: 16 bits of sequence numbers, 32 of time, which may step back for a picture that is shown earlier.
        let lost_before = sequence_number.wrapping_sub(before).wrapping_sub(1).into();
        unwrapped += i64::from(i32::from_ne_bytes(timestamp.wrapping_sub(earlier).to_ne_bytes()));
        let pushed = depacketizer.push(RtpPayload {
            data: packet.payload(),
            timestamp: Timestamp(unwrapped),
            marker: packet.marker_bit(),
            lost_before,
        });
        pushed.unwrap_or_else(|error| eprintln!("packet {sequence_number} passed over: {error}"));
        while let Some(picture) = depacketizer.pop() {
            pictures.write_all(&picture.data)?;
        }
    }
    // The last picture may have had no marker.
    depacketizer.flush();
    while let Some(picture) = depacketizer.pop() {
        pictures.write_all(&picture.data)?;
    }
    pictures.flush()?;
    Ok(())
}

/// `None` at the end of the input; a packet cut off by it is an error.
fn next_packet(input: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let (mut high, mut low) = ([0], [0]);
    match input.read_exact(&mut high) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    input.read_exact(&mut low)?;
    let mut packet = vec![0; u16::from_be_bytes([high[0], low[0]]).into()];
    input.read_exact(&mut packet)?;
    Ok(Some(packet))
}
