//! The record that describes a stream in a container.

use bytes::Bytes;
use thiserror::Error;

use super::LengthSize;
use crate::parameter_sets::{MAX_PARAMETER_SET_BYTES, ParameterSetError, ParameterSets};
use crate::parameters::ProfileLevelId;
use crate::sps::Sps;

/// SPS that a record can count, five bits.
const MAX_SPS: usize = 31;

/// PPS, and SPS extensions, that a record can count.
const MAX_COUNT: usize = 255;

/// Why a record cannot be read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ConfigurationError {
    /// The record ends too soon.
    #[error("avcC: ends at byte {offset} in {field}")]
    Truncated {
        /// Where it ends.
        offset: usize,
        /// Name in ISO/IEC 14496-15.
        field: &'static str,
    },
    /// `configurationVersion` is not 1.
    #[error("avcC: version {version}, not 1")]
    Version {
        /// What it is.
        version: u8,
    },
    /// `lengthSizeMinusOne` is 2, which no length has.
    #[error("avcC: lengths of 3 bytes")]
    LengthSize,
    /// One of its parameter sets cannot be used.
    #[error("avcC: at byte {offset}: {error}")]
    ParameterSet {
        /// Where the NAL unit begins.
        offset: usize,
        /// What is wrong with it.
        error: ParameterSetError,
    },
    /// There are more sets to write than a record can count.
    #[error("avcC: {count} of {field}, above {max}")]
    TooMany {
        /// Name in ISO/IEC 14496-15.
        field: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        max: usize,
    },
}

/// `AVCDecoderConfigurationRecord`, content of the box `avcC`
/// ([ISO/IEC 14496-15](https://www.iso.org/standard/89118.html) §5.3.3.1).
///
/// ```
/// use throughline_h264::ParameterSets;
/// use throughline_h264::avcc::{DecoderConfiguration, LengthSize};
///
/// let sets = ParameterSets::from_sprop("Z0LACtoR7ARAAAADAEAAAAyDxImo,aM4DnIA=");
/// let record = DecoderConfiguration::new(sets, LengthSize::Four).to_bytes()?;
/// assert_eq!(record[..6], [1, 0x42, 0xc0, 0x0a, 0xff, 0xe1]);
///
/// let read = DecoderConfiguration::parse(&record)?;
/// assert_eq!(read.parameter_sets.parameters().map(|video| (video.width, video.height)), Some((64, 48)));
/// # Ok::<(), throughline_h264::avcc::ConfigurationError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct DecoderConfiguration {
    /// Profile, constraint flags and level, which the stream does not exceed.
    pub profile_level_id: ProfileLevelId,
    /// How long the lengths in samples are.
    pub length_size: LengthSize,
    /// The SPS and PPS. There may be none where samples carry them (`avc3`).
    pub parameter_sets: ParameterSets,
    /// SPS extension NAL units (type 13, auxiliary pictures), 255 at most.
    pub sps_extensions: Vec<Bytes>,
}

impl DecoderConfiguration {
    /// The record of a stream with these parameter sets; the first SPS tells profile and level.
    pub fn new(parameter_sets: ParameterSets, length_size: LengthSize) -> Self {
        let profile_level_id = parameter_sets.profile_level_id();
        Self {
            profile_level_id: profile_level_id.unwrap_or(ProfileLevelId([0; 3])),
            length_size,
            parameter_sets,
            sps_extensions: Vec::new(),
        }
    }

    /// Reads the content of the box. What follows the record is left alone.
    pub fn parse(record: &[u8]) -> Result<Self, ConfigurationError> {
        let mut reader = Reader { record, offset: 0 };
        let version = reader.u8("configurationVersion")?;
        if version != 1 {
            return Err(ConfigurationError::Version { version });
        }
        let profile_level_id = ProfileLevelId([
            reader.u8("AVCProfileIndication")?,
            reader.u8("profile_compatibility")?,
            reader.u8("AVCLevelIndication")?,
        ]);
        let length_size = match reader.u8("lengthSizeMinusOne")? & 3 {
            0 => LengthSize::One,
            1 => LengthSize::Two,
            2 => return Err(ConfigurationError::LengthSize),
            _ => LengthSize::Four,
        };
        let mut read = Self {
            profile_level_id,
            length_size,
            parameter_sets: ParameterSets::default(),
            sps_extensions: Vec::new(),
        };
        let count = reader.u8("numOfSequenceParameterSets")? & 0x1f;
        read.read_sets(&mut reader, count, "sequenceParameterSetNALUnit")?;
        let count = reader.u8("numOfPictureParameterSets")?;
        read.read_sets(&mut reader, count, "pictureParameterSetNALUnit")?;
        // Many writers leave the rest out.
        if has_extension(profile_level_id) && !reader.is_at_end() {
            // The SPS say the same.
            for field in [
                "chroma_format",
                "bit_depth_luma_minus8",
                "bit_depth_chroma_minus8",
            ] {
                reader.u8(field)?;
            }
            for _ in 0..reader.u8("numOfSequenceParameterSetExt")? {
                let (offset, nal) = reader.nal("sequenceParameterSetExtNALUnit")?;
                if nal.len() > MAX_PARAMETER_SET_BYTES {
                    let error = ParameterSetError::TooLong { length: nal.len() };
                    return Err(ConfigurationError::ParameterSet { offset, error });
                }
                read.sps_extensions.push(Bytes::copy_from_slice(nal));
            }
        }
        Ok(read)
    }

    fn read_sets(
        &mut self,
        reader: &mut Reader<'_>,
        count: u8,
        field: &'static str,
    ) -> Result<(), ConfigurationError> {
        for _ in 0..count {
            let (offset, nal) = reader.nal(field)?;
            self.parameter_sets
                .insert(nal)
                .map_err(|error| ConfigurationError::ParameterSet { offset, error })?;
        }
        Ok(())
    }

    /// Writes the content of the box.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ConfigurationError> {
        let [profile_idc, constraint_flags, level_idc] = self.profile_level_id.0;
        let length_size_minus_one = match self.length_size {
            LengthSize::One => 0,
            LengthSize::Two => 1,
            LengthSize::Four => 3,
        };
        // The bits that mean nothing are ones.
        let mut record = vec![
            1,
            profile_idc,
            constraint_flags,
            level_idc,
            0xfc | length_size_minus_one,
        ];
        let sets = &self.parameter_sets;
        record.push(0xe0 | count_of(sets.sps().count(), "numOfSequenceParameterSets", MAX_SPS)?);
        write_units(&mut record, sets.sps())?;
        record.push(count_of(
            sets.pps().count(),
            "numOfPictureParameterSets",
            MAX_COUNT,
        )?);
        write_units(&mut record, sets.pps())?;
        if has_extension(self.profile_level_id) {
            let sps = sets.first_sps();
            record.push(0xfc | sps.map_or(1, |sps| sps.chroma_format().idc()));
            record.push(0xf8 | (sps.map_or(8, Sps::bit_depth_luma) - 8));
            record.push(0xf8 | (sps.map_or(8, Sps::bit_depth_chroma) - 8));
            let extensions = &self.sps_extensions;
            record.push(count_of(
                extensions.len(),
                "numOfSequenceParameterSetExt",
                MAX_COUNT,
            )?);
            write_units(&mut record, extensions.iter().map(|nal| &**nal))?;
        }
        Ok(record)
    }
}

/// Whether the record of the profile goes on behind the PPS.
const fn has_extension(id: ProfileLevelId) -> bool {
    !matches!(id.0, [66 | 77 | 88, ..])
}

fn count_of(count: usize, field: &'static str, max: usize) -> Result<u8, ConfigurationError> {
    let too_many = ConfigurationError::TooMany { field, count, max };
    u8::try_from(count).ok().filter(|_| count <= max).ok_or(too_many)
}

fn write_units<'a>(
    record: &mut Vec<u8>,
    units: impl Iterator<Item = &'a [u8]>,
) -> Result<(), ConfigurationError> {
    for nal in units {
        let length = nal.len();
        let error = ParameterSetError::TooLong { length };
        let offset = record.len();
        let length = u16::try_from(length).map_err(|_| ConfigurationError::ParameterSet { offset, error })?;
        record.extend_from_slice(&length.to_be_bytes());
        record.extend_from_slice(nal);
    }
    Ok(())
}

struct Reader<'a> {
    record: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    fn is_at_end(&self) -> bool {
        self.offset >= self.record.len()
    }

    fn bytes(&mut self, count: usize, field: &'static str) -> Result<&'a [u8], ConfigurationError> {
        let end = self.offset + count;
        let bytes = self
            .record
            .get(self.offset..end)
            .ok_or(ConfigurationError::Truncated {
                offset: self.record.len(),
                field,
            })?;
        self.offset = end;
        Ok(bytes)
    }

    fn u8(&mut self, field: &'static str) -> Result<u8, ConfigurationError> {
        Ok(self.bytes(1, field)?.first().copied().unwrap_or_default())
    }

    /// A NAL unit behind a length of 16 bits, and where it begins.
    fn nal(&mut self, field: &'static str) -> Result<(usize, &'a [u8]), ConfigurationError> {
        let length = u16::from_be_bytes([self.u8(field)?, self.u8(field)?]);
        Ok((self.offset, self.bytes(usize::from(length), field)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Content of `avcC` in a file that FFmpeg made of `x264_high422_usability.h264`.
    const HIGH422: &[u8] = include_bytes!("../../../../testdata/h264/ffmpeg_high422.avcc");

    #[test]
    fn a_record_of_ffmpeg_reads_and_writes_back() {
        let record = DecoderConfiguration::parse(HIGH422).expect("a record");
        assert_eq!(record.length_size, LengthSize::Four);
        assert_eq!(
            Some(record.profile_level_id),
            record.parameter_sets.profile_level_id()
        );
        let video = record.parameter_sets.parameters().expect("an SPS");
        assert_eq!((video.width, video.height), (66, 50));
        assert_eq!(record.to_bytes().as_deref(), Ok(HIGH422));
        assert_eq!(
            DecoderConfiguration::new(record.parameter_sets, LengthSize::Four)
                .to_bytes()
                .as_deref(),
            Ok(HIGH422)
        );
    }

    #[test]
    fn a_record_without_its_last_part_reads() {
        let record = DecoderConfiguration::parse(&HIGH422[..HIGH422.len() - 4]);
        assert_eq!(record, DecoderConfiguration::parse(HIGH422));
    }

    #[test]
    fn a_record_cut_off_names_the_place() {
        for end in 0..HIGH422.len() - 4 {
            let error = DecoderConfiguration::parse(&HIGH422[..end]).expect_err("cut off");
            assert!(
                matches!(error, ConfigurationError::Truncated { offset, .. } if offset == end),
                "{end}: {error}"
            );
        }
    }

    #[test]
    fn what_is_no_record_is_refused() {
        let refuse = |change: fn(&mut Vec<u8>)| {
            let mut record = HIGH422.to_vec();
            change(&mut record);
            DecoderConfiguration::parse(&record)
                .expect_err("refused")
                .to_string()
        };
        assert_eq!(refuse(|record| record[0] = 0), "avcC: version 0, not 1");
        assert_eq!(refuse(|record| record[4] = 0xfe), "avcC: lengths of 3 bytes");
        assert_eq!(
            refuse(|record| record[8] = 0x65),
            "avcC: at byte 8: neither SPS nor PPS"
        );
    }

    #[test]
    fn extensions_of_auxiliary_pictures_are_kept() {
        let mut record = DecoderConfiguration::parse(HIGH422).expect("a record");
        record
            .sps_extensions
            .push(Bytes::from_static(&[0x6d, 0xc0, 0x80]));
        let bytes = record.to_bytes().expect("it fits");
        assert_eq!(DecoderConfiguration::parse(&bytes), Ok(record));
    }
}
