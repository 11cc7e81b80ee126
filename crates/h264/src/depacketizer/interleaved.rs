//! Payloads with decoding order numbers, on their way through the deinterleaver.

use crate::depacketizer::deinterleaver::{Deinterleaver, Held, Refused, Released};
use crate::depacketizer::fu_a::FuHeader;
use crate::depacketizer::{DepacketizeError, DepacketizeErrorKind, Depacketizer};

impl Depacketizer {
    /// Begins to put NAL units in order, if that has not begun: what came without numbers before was in order.
    pub(super) fn deinterleave(&mut self) {
        if self.deinterleaver.is_none() {
            self.deinterleaver = Some(Box::new(Deinterleaver::new(&self.config.format)));
        }
    }

    pub(super) fn interleaved_nal_unit(
        &mut self,
        number: Option<u16>,
        nal: &[u8],
    ) -> Result<(), DepacketizeError> {
        let (timestamp, offset) = (self.timestamp, self.offset);
        let Some(deinterleaver) = &mut self.deinterleaver else {
            return Ok(());
        };
        let taken = deinterleaver.push(number, timestamp, offset, nal);
        self.check_taken(taken)
    }

    pub(super) fn interleaved_fragment(
        &mut self,
        fu: FuHeader,
        number: Option<u16>,
        fragment: &[u8],
    ) -> Result<(), DepacketizeError> {
        let timestamp = self.timestamp;
        let Some(deinterleaver) = &mut self.deinterleaver else {
            return Ok(());
        };
        let mut taken = Ok(());
        if fu.is_start {
            taken = deinterleaver.open(number, timestamp, fu.nal);
        } else if !deinterleaver.has_open() {
            deinterleaver.orphan();
            self.stats.orphan_fragments += 1;
            return Ok(());
        }
        taken = taken.and_then(|()| deinterleaver.extend(fragment));
        if fu.is_end {
            taken = taken.and_then(|()| deinterleaver.close());
        }
        self.check_taken(taken)
    }

    /// Takes up whatever may be decoded now.
    pub(super) fn take_deinterleaved(&mut self) -> Result<(), DepacketizeError> {
        let mut result = Ok(());
        while let Some(released) = self.deinterleaver.as_deref_mut().and_then(Deinterleaver::pop) {
            result = result.and(self.take_released(released));
        }
        result
    }

    /// Takes up what is held back.
    pub(super) fn drain_deinterleaver(&mut self) {
        while let Some(released) = self.deinterleaver.as_deref_mut().and_then(Deinterleaver::drain) {
            // Nobody is there to be told: what it costs is counted.
            let _ = self.take_released(released);
        }
        self.deinterleaver = None;
    }

    fn take_released(&mut self, released: Released) -> Result<(), DepacketizeError> {
        match released {
            Released::Loss(packets) => {
                self.note_loss(packets);
                Ok(())
            }
            Released::NalUnit(Held {
                timestamp,
                offset,
                nal,
                ..
            }) => {
                self.timestamp = timestamp;
                self.offset = offset;
                self.nal_units(&nal)
            }
        }
    }

    fn check_taken(&mut self, taken: Result<(), Refused>) -> Result<(), DepacketizeError> {
        let Err(refused) = taken else { return Ok(()) };
        self.note_missing(1);
        Err(self.error(match refused {
            Refused::TooLate(decoding_order_number) => DepacketizeErrorKind::TooLateToDeinterleave {
                decoding_order_number,
            },
            Refused::TooLarge => DepacketizeErrorKind::InterleavedNalUnitTooLarge,
        }))
    }
}
