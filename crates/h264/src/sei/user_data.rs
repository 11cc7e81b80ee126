use crate::bitreader::{BitReader, SyntaxError};
use crate::emulation::RbspBytes;

/// `user_data_registered_itu_t_t35` ([ITU-T H.264](https://www.itu.int/rec/T-REC-H.264) §D.2.5).
#[derive(Clone, Debug)]
pub struct UserDataRegistered<'a> {
    /// `itu_t_t35_country_code`; 0xb5 is the United States.
    pub country_code: u8,
    /// `itu_t_t35_country_code_extension_byte`, behind a country code of 0xff.
    pub country_code_extension: Option<u8>,
    /// The rest, which begins with a provider's code.
    pub data: RbspBytes<'a>,
}

impl<'a> UserDataRegistered<'a> {
    pub(super) fn read(mut data: RbspBytes<'a>, bit: usize) -> Result<Self, SyntaxError> {
        let mut reader = BitReader::at(data.clone(), bit);
        let country_code = reader.u8(8, "itu_t_t35_country_code")?;
        let country_code_extension = if country_code == u8::MAX {
            Some(reader.u8(8, "itu_t_t35_country_code_extension_byte")?)
        } else {
            None
        };
        let _ = data.split_off(if country_code_extension.is_some() { 2 } else { 1 });
        Ok(Self {
            country_code,
            country_code_extension,
            data,
        })
    }
}

/// `user_data_unregistered` ([ITU-T H.264](https://www.itu.int/rec/T-REC-H.264) §D.2.6).
#[derive(Clone, Debug)]
pub struct UserDataUnregistered<'a> {
    /// `uuid_iso_iec_11578`: what the data is.
    pub uuid: [u8; 16],
    /// The rest.
    pub data: RbspBytes<'a>,
}

impl<'a> UserDataUnregistered<'a> {
    pub(super) fn read(mut data: RbspBytes<'a>, bit: usize) -> Result<Self, SyntaxError> {
        let mut reader = BitReader::at(data.clone(), bit);
        let mut uuid = [0; 16];
        for byte in &mut uuid {
            *byte = reader.u8(8, "uuid_iso_iec_11578")?;
        }
        let _ = data.split_off(uuid.len());
        Ok(Self { uuid, data })
    }
}
