//! How far the marker bit is believed.

use crate::access_unit::Timestamp;

/// Whether the marker bit ends pictures.
///
/// Most cameras set it on the last packet of each picture, so that the picture can leave at once. Some set it on
/// parameter sets and SEI too (Q75), and a few of these on each slice (Q134), which would cut pictures to pieces. So it
/// has to prove itself: up to then a marked picture waits for the packet behind it, and with parameter sets that change,
/// which an encoder may cut its pictures otherwise after, it begins anew. A good camera's marker costs the first picture
/// that has one its packet behind, and often not even that, as pictures in front of the first IDR picture prove it too.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Marker {
    trust: Trust,
    /// An unproven marker came behind the picture under construction.
    pending: bool,
    /// It is set on a fragment that should have been a NAL unit's last.
    in_fragment: bool,
    /// Timestamp of the last picture that a marker ended.
    ended: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Trust {
    /// Nothing speaks for or against it.
    #[default]
    Unproven,
    /// It was seen behind the last slice of a picture.
    Proven,
    /// It was seen between two slices of a picture: pictures end where the next one begins.
    Refuted,
}

impl Marker {
    /// It is set on a fragment without an end bit: either of the two is wrong (Q80, Q134).
    pub(super) fn on_fragment(&mut self) {
        self.in_fragment = true;
    }

    /// Whether it was set on the fragment before.
    pub(super) fn is_in_fragment(&self) -> bool {
        self.in_fragment
    }

    /// The same, and it counts once.
    pub(super) fn take_in_fragment(&mut self) -> bool {
        std::mem::take(&mut self.in_fragment)
    }

    /// It is set behind a picture. Returns whether the picture ends with it.
    pub(super) fn ends_picture(&mut self, timestamp: Timestamp) -> bool {
        match self.trust {
            Trust::Proven => {
                self.ended = Some(timestamp);
                true
            }
            Trust::Unproven => {
                self.pending = true;
                false
            }
            Trust::Refuted => false,
        }
    }

    /// The next picture begins, or nothing more comes.
    pub(super) fn picture_over(&mut self) {
        if self.pending {
            self.pending = false;
            self.trust = Trust::Proven;
        }
    }

    /// The picture ends with the marker behind it, which proves nothing.
    pub(super) fn leave_unproven(&mut self) {
        self.pending = false;
    }

    /// Whether an unproven marker came behind the picture under construction.
    pub(super) fn is_pending(&self) -> bool {
        self.pending
    }

    /// Whether pictures are known not to end with it.
    pub(super) fn is_refuted(&self) -> bool {
        self.trust == Trust::Refuted
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

    /// The encoder is set otherwise than before.
    pub(super) fn doubt(&mut self) {
        if self.trust == Trust::Proven {
            self.trust = Trust::Unproven;
        }
    }
}
