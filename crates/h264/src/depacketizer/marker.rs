//! How far the marker bit is believed.

use crate::access_unit::Timestamp;

/// Whether the marker bit ends pictures.
///
/// Most cameras set it on the last packet of each picture, so that the picture can leave at once. Some set it on
/// parameter sets and SEI too (Q75), and a few of these on each slice (Q134), which would cut pictures to pieces.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Marker {
    trust: Trust,
    /// A doubted marker came behind the picture under construction.
    pending: bool,
    /// Timestamp of the last picture that a marker ended.
    ended: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Trust {
    /// Nothing speaks against it.
    #[default]
    Believed,
    /// It was seen where no picture ends: the next picture waits for the packet behind it, for once.
    Doubted,
    /// In doubt, it was seen behind the last slice of a picture.
    Confirmed,
    /// It was seen between two slices of a picture: pictures end where the next one begins.
    Refuted,
}

impl Marker {
    /// It is set where there is no picture, or not the whole of a NAL unit.
    pub(super) fn misplaced(&mut self) {
        if self.trust == Trust::Believed {
            self.trust = Trust::Doubted;
        }
    }

    /// It is set behind a picture. Returns whether the picture ends with it.
    pub(super) fn ends_picture(&mut self, timestamp: Timestamp) -> bool {
        match self.trust {
            Trust::Believed | Trust::Confirmed => {
                self.ended = Some(timestamp);
                true
            }
            Trust::Doubted => {
                self.pending = true;
                false
            }
            Trust::Refuted => false,
        }
    }

    /// The picture is over.
    pub(super) fn picture_over(&mut self) {
        if self.pending {
            self.pending = false;
            self.trust = Trust::Confirmed;
        }
    }

    /// Whether a doubted marker came behind the picture under construction.
    pub(super) fn is_pending(&self) -> bool {
        self.pending
    }

    /// Whether a marker ended the last picture, of this timestamp.
    pub(super) fn has_ended(&self, timestamp: Timestamp) -> bool {
        self.ended == Some(timestamp)
    }

    /// Another slice of the picture came behind it.
    pub(super) fn refute(&mut self) {
        self.pending = false;
        self.trust = Trust::Refuted;
    }
}
