use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use throughline_h264::{ParameterSets, VideoParameters, annexb};

use crate::interval::PictureInterval;

/// The clips that are part of this crate: 640x360, 30 pictures a second, 10 s, an IDR each second, about 500
/// kbit/s.
///
/// Each picture shows a clock and carries a binary counter; its place is described in `clips/README.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum BuiltInClip {
    /// Constrained Baseline, level 3.1: profile-level-id 42e01f, what every WebRTC receiver decodes.
    #[default]
    ConstrainedBaseline,
    /// Baseline without its constraint flags: profile-level-id 42001f, what many cameras write.
    Baseline,
    /// Constrained High, level 3.1: profile-level-id 640c1f.
    High,
}

impl BuiltInClip {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ConstrainedBaseline, Self::Baseline, Self::High];

    /// The clip's bytes, H.264 in Annex-B form.
    pub fn annex_b(self) -> &'static [u8] {
        match self {
            Self::ConstrainedBaseline => include_bytes!("../clips/constrained_baseline.h264"),
            Self::Baseline => include_bytes!("../clips/baseline.h264"),
            Self::High => include_bytes!("../clips/high.h264"),
        }
    }
}

/// An H.264 stream cut into pictures, ready to be played; cheap to clone.
///
/// The bytes are played as they are. A clip with B-frames plays too, with timestamps in decoding order: the
/// camera for showing what a client says to B-frames.
#[derive(Clone)]
pub struct Clip {
    pictures: Arc<[Picture]>,
    parameter_sets: ParameterSets,
    interval: PictureInterval,
}

#[derive(Clone)]
struct Picture {
    data: Bytes,
    is_idr: bool,
}

/// A clip that cannot be played.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ClipError {
    /// Nothing between start codes, or no picture in it: not Annex-B H.264.
    #[error(
        "no H.264 picture in {bytes} bytes; wanted is Annex-B, as `ffmpeg -i VIDEO -c copy CLIP.h264` makes it"
    )]
    NoPicture {
        /// Length of the data.
        bytes: usize,
    },
    /// A receiver could never begin.
    #[error("no IDR among the clip's {pictures} pictures")]
    NoIdr {
        /// Pictures in the data.
        pictures: usize,
    },
    /// Without them nothing can be decoded.
    #[error("no SPS and PPS in the clip")]
    NoParameterSets,
    /// Not between 0.1 and 240 pictures per second.
    #[error("frame rate {0} is not between 0.1 and 240 pictures per second")]
    FrameRate(f64),
}

impl Clip {
    /// One of the clips that are part of this crate.
    pub fn built_in(clip: BuiltInClip) -> Self {
        Self::read(&Bytes::from_static(clip.annex_b()))
    }

    /// A clip from a byte stream, such as a whole `.h264` file. What stands before its first IDR is left out.
    ///
    /// The frame rate is `frame_rate`, else the SPS's, else 25 pictures per second.
    ///
    /// Fails where there is nothing that a receiver could decode, and on a `frame_rate` out of range.
    pub fn from_annex_b(stream: impl Into<Bytes>, frame_rate: Option<f64>) -> Result<Self, ClipError> {
        let stream = stream.into();
        let mut clip = Self::read(&stream);
        if clip.pictures.is_empty() {
            return Err(match annexb::access_units(&stream).count() {
                0 => ClipError::NoPicture { bytes: stream.len() },
                pictures => ClipError::NoIdr { pictures },
            });
        }
        if !clip.parameter_sets.is_complete() {
            return Err(ClipError::NoParameterSets);
        }
        if let Some(rate) = frame_rate {
            clip.interval = PictureInterval::from_frame_rate(rate).ok_or(ClipError::FrameRate(rate))?;
        }
        Ok(clip)
    }

    /// Pictures in the clip, at least one.
    pub fn pictures(&self) -> usize {
        self.pictures.len()
    }

    /// Pictures per second.
    pub fn frame_rate(&self) -> f64 {
        self.interval.frame_rate()
    }

    /// Time from the first picture to the first of the next round.
    pub fn duration(&self) -> Duration {
        self.interval.duration(self.pictures.len() as u64)
    }

    /// A picture's bytes, start codes included, by its place in the clip.
    pub fn picture(&self, index: usize) -> Option<&[u8]> {
        self.pictures.get(index).map(|picture| &*picture.data)
    }

    /// The SPS and PPS of all its pictures.
    pub fn parameter_sets(&self) -> &ParameterSets {
        &self.parameter_sets
    }

    /// What its SPS says.
    pub fn parameters(&self) -> Option<VideoParameters> {
        self.parameter_sets.parameters()
    }

    pub(crate) fn interval(&self) -> PictureInterval {
        self.interval
    }

    /// The place behind `index`, where the clip's end is followed by its beginning.
    pub(crate) fn after(&self, index: usize) -> usize {
        if index + 1 < self.pictures.len() {
            index + 1
        } else {
            0
        }
    }

    /// The place of the first IDR at `index` or behind it; a clip begins with one.
    pub(crate) fn next_idr(&self, index: usize) -> usize {
        self.pictures
            .iter()
            .skip(index)
            .position(|picture| picture.is_idr)
            .map_or(0, |ahead| index + ahead)
    }

    /// Reads what there is, which may be nothing.
    fn read(stream: &Bytes) -> Self {
        let pictures: Arc<[Picture]> = annexb::access_units(stream)
            .map(|unit| Picture {
                data: stream.slice_ref(unit.data),
                is_idr: unit.is_idr,
            })
            .skip_while(|picture| !picture.is_idr)
            .collect();
        let mut parameter_sets = ParameterSets::default();
        for nal in pictures
            .iter()
            .flat_map(|picture| annexb::nal_units(&picture.data))
        {
            // What is no parameter set is refused, and so is a broken one: `from_annex_b` asks for what is
            // missing.
            let _ = parameter_sets.insert(nal);
        }
        let rate = parameter_sets
            .parameters()
            .and_then(|parameters| parameters.frame_rate);
        let interval = rate
            .and_then(PictureInterval::from_frame_rate)
            .unwrap_or(PictureInterval::DEFAULT);
        Self {
            pictures,
            parameter_sets,
            interval,
        }
    }
}

impl fmt::Debug for Clip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clip")
            .field("pictures", &self.pictures.len())
            .field("frame_rate", &self.frame_rate())
            .field("parameters", &self.parameters())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn idr_places(clip: &Clip) -> Vec<usize> {
        let place = |(index, picture): (usize, &Picture)| picture.is_idr.then_some(index);
        clip.pictures.iter().enumerate().filter_map(place).collect()
    }

    #[test]
    fn built_in_clips_have_the_profile_bytes_that_they_are_named_after() {
        for (clip, profile_level_id) in [
            (BuiltInClip::ConstrainedBaseline, "42e01f"),
            (BuiltInClip::Baseline, "42001f"),
            (BuiltInClip::High, "640c1f"),
        ] {
            let sets = Clip::built_in(clip).parameter_sets;
            assert_eq!(sets.profile_level_id().unwrap().to_string(), profile_level_id);
            assert_eq!((sets.sps().count(), sets.pps().count()), (1, 1), "{clip:?}");
        }
    }

    #[test]
    fn built_in_clips_are_ten_seconds_with_an_idr_each_second() {
        for clip in BuiltInClip::ALL {
            assert!(clip.annex_b().len() <= 700_000);
            let read = Clip::from_annex_b(Bytes::from_static(clip.annex_b()), None).unwrap();
            assert_eq!(read.pictures(), 300, "{clip:?}");
            assert_eq!(idr_places(&read), (0..300).step_by(30).collect::<Vec<_>>());
            let parameters = read.parameters().unwrap();
            assert_eq!((parameters.width, parameters.height), (640, 360));
            assert_eq!(parameters.frame_rate, Some(30.0));
            assert_eq!(parameters.max_num_reorder_frames, Some(0), "no B-frames");
            assert_eq!(read.duration(), Duration::from_secs(10));
        }
    }

    #[test]
    fn built_in_pictures_are_one_slice_and_every_idr_brings_its_parameter_sets() {
        for clip in BuiltInClip::ALL.map(Clip::built_in) {
            for index in 0..clip.pictures() {
                let types: Vec<u8> = annexb::nal_units(clip.picture(index).unwrap())
                    .map(|nal| nal[0] & 31)
                    .collect();
                match index {
                    0 => assert_eq!(types, [7, 8, 6, 5]),
                    _ if index % 30 == 0 => assert_eq!(types, [7, 8, 5]),
                    _ => assert_eq!(types, [1], "picture {index}"),
                }
            }
        }
    }

    #[test]
    fn the_pictures_of_a_clip_are_the_whole_clip() {
        let clip = Clip::built_in(BuiltInClip::High);
        let joined: Vec<u8> = clip
            .pictures
            .iter()
            .flat_map(|picture| picture.data.iter().copied())
            .collect();
        assert_eq!(joined, BuiltInClip::High.annex_b());
    }

    #[test]
    fn the_next_idr_is_here_ahead_or_at_the_beginning() {
        let clip = Clip::built_in(BuiltInClip::Baseline);
        for (index, idr) in [(0, 0), (1, 30), (30, 30), (270, 270), (271, 0), (299, 0)] {
            assert_eq!(clip.next_idr(index), idr);
        }
        assert_eq!((clip.after(298), clip.after(299)), (299, 0));
    }

    #[test]
    fn what_stands_before_the_first_idr_is_left_out() {
        let stream = Bytes::from_static(BuiltInClip::High.annex_b());
        let whole = Clip::read(&stream);
        let skipped = whole.pictures[0].data.len();
        let clip = Clip::from_annex_b(stream.slice(skipped..), Some(25.0)).unwrap();
        assert_eq!(clip.pictures(), 270);
        assert!((clip.frame_rate() - 25.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_clip_that_nobody_could_decode_is_refused_with_the_reason() {
        let no_picture = Clip::from_annex_b(Bytes::from_static(b"RIFF"), None).unwrap_err();
        assert_eq!(no_picture, ClipError::NoPicture { bytes: 4 });
        let p_slice = Bytes::from_static(&[0, 0, 0, 1, 0x41, 0x9a, 0x80]);
        assert_eq!(
            Clip::from_annex_b(p_slice, None).unwrap_err(),
            ClipError::NoIdr { pictures: 1 }
        );
        let idr = Bytes::from_static(&[0, 0, 0, 1, 0x65, 0x88, 0x80]);
        assert_eq!(
            Clip::from_annex_b(idr, None).unwrap_err(),
            ClipError::NoParameterSets
        );
        let clip = Bytes::from_static(BuiltInClip::High.annex_b());
        assert_eq!(
            Clip::from_annex_b(clip, Some(0.0)).unwrap_err(),
            ClipError::FrameRate(0.0)
        );
    }
}
