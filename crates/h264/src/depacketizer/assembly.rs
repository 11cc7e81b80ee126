//! The access unit under construction.

use std::mem;

use bytes::Bytes;

use crate::access_unit::Timestamp;
use crate::annexb::{START_CODE, find_start_code, trim_trailing_zeros};
use crate::boundary::{CodedPicture, Slice};
use crate::depacketizer::MAX_NAL_UNITS;
use crate::depacketizer::pool::{Block, Buffers};
use crate::nal::{NalHeader, NalUnitType};
use crate::parameter_sets::ParameterSets;
use crate::sei::RecoveryPoint;
use crate::slice::SliceType;

/// Access units of the usual size that there is room for behind the one at hand, when memory is allocated. That costs two
/// allocations, the bytes and the count of their owners, which four access units then share even where they are kept.
const FOLLOWERS: usize = 3;

/// What is known of the picture in an access unit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Picture {
    pub(super) is_idr: bool,
    /// Whether other pictures may refer to it (`nal_ref_idc` is not 0, or should not be).
    pub(super) is_reference: bool,
    /// From its first slice, if that could be read.
    pub(super) pps_id: Option<u8>,
    pub(super) has_b_slice: bool,
    pub(super) coded: CodedPicture,
}

impl Picture {
    pub(super) fn of(header: NalHeader) -> Self {
        let is_idr = header.nal_unit_type() == NalUnitType::IdrSlice;
        Self {
            is_idr,
            is_reference: is_idr || header.nal_ref_idc() != 0,
            pps_id: None,
            has_b_slice: false,
            coded: CodedPicture::new(is_idr),
        }
    }

    /// One more of its slices, whole.
    pub(super) fn insert(&mut self, slice: &Slice) {
        self.coded.insert(slice);
        if let Some(start) = &slice.start {
            self.pps_id.get_or_insert(start.pps_id);
            self.has_b_slice |= start.slice_type == SliceType::B;
        }
    }
}

/// How much of the access unit is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Integrity {
    /// Everything, as far as can be known.
    #[default]
    Whole,
    /// Packets are missing.
    Damaged,
    /// It went past a limit; its bytes are gone.
    Oversized,
}

/// A NAL unit whose end has not come yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenNal {
    pub(super) header: NalHeader,
    /// Of its first byte.
    pub(super) timestamp: Timestamp,
    /// Offset of its header byte.
    start: usize,
    /// Nobody has looked yet whether it holds start codes (Q82).
    is_unsearched: bool,
    /// Read from its beginning already, header and all.
    slice: Option<Slice>,
}

/// A NAL unit that has come to its end.
pub(super) enum Closed {
    /// Its bytes begin at `start` in the access unit; perhaps zero bytes stood behind it, which are left out (Q83).
    At {
        start: usize,
        was_padded: bool,
        slice: Option<Slice>,
    },
    /// It was several behind start codes (Q82) and has been taken out again.
    Several(Vec<u8>),
}

/// Why nothing more goes into the access unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    Bytes,
    NalUnits,
}

/// The access unit under construction, in Annex-B form.
#[derive(Debug)]
pub(super) struct Assembly {
    buffers: Box<dyn Buffers>,
    /// Of the buffers while there is something in it.
    block: Block,
    max_bytes: usize,
    open: Option<OpenNal>,
    nal_units: usize,
    /// Where stored parameter sets belong: behind the delimiter, if there is one.
    parameter_sets_at: usize,
    pub(super) timestamp: Timestamp,
    pub(super) picture: Option<Picture>,
    pub(super) integrity: Integrity,
    pub(super) recovery_point: Option<RecoveryPoint>,
    pub(super) has_delimiter: bool,
    pub(super) has_sps: bool,
    pub(super) has_pps: bool,
    /// Sizes of recent access units, from which the next one's room is guessed.
    idr_bytes: usize,
    other_bytes: usize,
}

impl Assembly {
    pub(super) fn new(max_bytes: usize, buffers: Box<dyn Buffers>) -> Self {
        Self {
            buffers,
            block: Block::default(),
            max_bytes,
            open: None,
            nal_units: 0,
            parameter_sets_at: 0,
            timestamp: Timestamp::default(),
            picture: None,
            integrity: Integrity::Whole,
            recovery_point: None,
            has_delimiter: false,
            has_sps: false,
            has_pps: false,
            idr_bytes: 0,
            other_bytes: 0,
        }
    }

    pub(super) fn has_open_nal(&self) -> bool {
        self.open.is_some()
    }

    pub(super) fn open_nal(&self) -> Option<&OpenNal> {
        self.open.as_ref()
    }

    pub(super) fn open_nal_mut(&mut self) -> Option<&mut OpenNal> {
        self.open.as_mut()
    }

    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        self.nal_units == 0
    }

    pub(super) fn damage(&mut self) {
        self.integrity = self.integrity.max(Integrity::Damaged);
    }

    /// Begins a NAL unit. In an oversized access unit it stays closed and its bytes go nowhere.
    pub(super) fn open(
        &mut self,
        header: NalHeader,
        timestamp: Timestamp,
        slice: Option<Slice>,
    ) -> Result<(), Full> {
        if self.integrity == Integrity::Oversized {
            return Ok(());
        }
        if self.nal_units >= MAX_NAL_UNITS {
            return Err(Full::NalUnits);
        }
        let expected = match header.nal_unit_type() {
            NalUnitType::IdrSlice | NalUnitType::Sps => self.idr_bytes,
            _ => self.other_bytes,
        };
        if self.block.bytes.is_empty() || self.block.bytes.len() < expected / 16 {
            self.reserve(expected);
        }
        self.nal_units += 1;
        self.extend(&START_CODE)?;
        self.open = Some(OpenNal {
            header,
            timestamp,
            start: self.block.bytes.len(),
            is_unsearched: false,
            slice: slice.filter(|slice| slice.header.is_some()),
        });
        self.extend(&[header.byte()])
    }

    /// Appends to the open NAL unit a piece that may hold start codes, or a part of one.
    pub(super) fn append(&mut self, piece: &[u8]) -> Result<(), Full> {
        if let Some(open) = &mut self.open {
            open.is_unsearched = true;
        }
        self.extend(piece)
    }

    /// Appends to the open NAL unit a piece that holds no start code.
    pub(super) fn extend(&mut self, piece: &[u8]) -> Result<(), Full> {
        let length = self.block.bytes.len() + piece.len();
        if length > self.max_bytes {
            return Err(Full::Bytes);
        }
        if length > self.block.bytes.capacity() {
            self.reserve(length);
        }
        self.block.bytes.extend_from_slice(piece);
        Ok(())
    }

    /// Ends the open NAL unit, if there is one.
    pub(super) fn close(&mut self) -> Option<Closed> {
        let open = self.open.take()?;
        let nal = self.block.bytes.get(open.start..).unwrap_or_default();
        // All pieces at once: one search costs less than many, and none can hide between two of them.
        if open.is_unsearched && find_start_code(nal).is_some() {
            let several = nal.to_vec();
            self.take_out(open.start);
            return Some(Closed::Several(several));
        }
        let length = trim_trailing_zeros(nal).len();
        let was_padded = length < nal.len();
        self.block.bytes.truncate(open.start + length);
        Some(Closed::At {
            start: open.start,
            was_padded,
            // Zeros that are none of its own may have been read.
            slice: open.slice.filter(|_| !was_padded),
        })
    }

    /// Takes out the open NAL unit, whose rest will not come. Returns whether there was one.
    pub(super) fn abort(&mut self) -> bool {
        let Some(open) = self.open.take() else {
            return false;
        };
        self.take_out(open.start);
        if open.header.nal_unit_type().is_vcl() {
            self.picture.get_or_insert(Picture::of(open.header));
        }
        true
    }

    /// Takes out the last NAL unit, whose bytes begin at `start`.
    pub(super) fn take_out(&mut self, start: usize) {
        self.block.bytes.truncate(start.saturating_sub(START_CODE.len()));
        self.nal_units -= 1;
    }

    /// The bytes from an offset that [`close`](Self::close) gave.
    pub(super) fn nal(&self, start: usize) -> &[u8] {
        self.block.bytes.get(start..).unwrap_or_default()
    }

    /// What has been built so far ends in a delimiter.
    pub(super) fn set_delimiter(&mut self) {
        self.has_delimiter = true;
        self.parameter_sets_at = self.block.bytes.len();
    }

    /// Puts parameter sets in front of everything but the delimiter.
    pub(super) fn insert_parameter_sets(&mut self, sets: &ParameterSets) -> Result<(), Full> {
        let before = self.block.bytes.len();
        for nal in sets.sps().chain(sets.pps()) {
            self.extend(&START_CODE)?;
            self.extend(nal)?;
        }
        let inserted = self.block.bytes.len() - before;
        if let Some(behind_delimiter) = self.block.bytes.get_mut(self.parameter_sets_at..) {
            behind_delimiter.rotate_right(inserted);
        }
        (self.has_sps, self.has_pps) = (true, true);
        Ok(())
    }

    /// Gives up the content for being past a limit, and goes on to the end of the picture without bytes.
    pub(super) fn overflow(&mut self) {
        self.abort();
        self.block = Block::default();
        self.integrity = Integrity::Oversized;
    }

    /// The finished bytes; nothing is copied.
    pub(super) fn take_data(&mut self) -> Bytes {
        let size = self.block.bytes.len();
        let is_idr = self.picture.is_some_and(|picture| picture.is_idr);
        let expected = if is_idr {
            &mut self.idr_bytes
        } else {
            &mut self.other_bytes
        };
        // Follows a growing size at once and a falling one slowly.
        *expected = (size + size / 8).max(*expected - *expected / 16);
        self.block.bytes.split().freeze()
    }

    /// Begins the next access unit.
    pub(super) fn reset(&mut self) {
        self.buffers.give_back(mem::take(&mut self.block));
        self.open = None;
        self.nal_units = 0;
        self.parameter_sets_at = 0;
        self.picture = None;
        self.integrity = Integrity::Whole;
        self.recovery_point = None;
        (self.has_delimiter, self.has_sps, self.has_pps) = (false, false, false);
    }

    /// Makes room for `bytes` in all.
    fn reserve(&mut self, bytes: usize) {
        let additional = bytes.saturating_sub(self.block.bytes.len());
        if self.block.bytes.try_reclaim(additional) {
            return;
        }
        // Twice the length where it was guessed too low, so that growing costs each byte one copy on average.
        let needed = bytes.max(2 * self.block.bytes.len()).min(self.max_bytes);
        let mut larger = self.buffers.take(needed, FOLLOWERS * self.other_bytes);
        larger.bytes.extend_from_slice(&self.block.bytes);
        self.buffers.give_back(mem::replace(&mut self.block, larger));
    }
}
