//! Header extensions, and the elements of RFC 8285 in them.

/// Profile of the one-byte form.
const ONE_BYTE: u16 = 0xbede;
/// Profile of the two-byte form; its lower four bits are the application's.
const TWO_BYTES: u16 = 0x1000;
/// ID of the one-byte form after which nothing is to be read.
const STOP: u8 = 15;

/// The header extension of a packet ([RFC 3550 §5.3.1](https://www.rfc-editor.org/rfc/rfc3550#section-5.3.1)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extension<'b> {
    /// Says how to read `data`: as [`elements`](Self::elements) for 0xbede and 0x1000 to 0x100f, as
    /// [`ReplayExtension`](crate::ReplayExtension) for 0xabac.
    pub profile: u16,
    /// The extension without its four-byte head; a multiple of four bytes.
    pub data: &'b [u8],
}

impl<'b> Extension<'b> {
    /// Bytes of profile and length.
    pub(crate) const HEAD: usize = 4;

    /// The extension at the start of `bytes`, if it is there whole.
    pub(crate) fn split_from(bytes: &'b [u8]) -> Option<Self> {
        let ([p0, p1, l0, l1], rest) = bytes.split_first_chunk()?;
        let words = usize::from(u16::from_be_bytes([*l0, *l1]));
        Some(Self {
            profile: u16::from_be_bytes([*p0, *p1]),
            data: rest.get(..4 * words)?,
        })
    }

    /// The elements of [RFC 8285](https://www.rfc-editor.org/rfc/rfc8285), in either form; none in other profiles.
    ///
    /// ```text
    /// one byte  +-+-+-+-+-+-+-+-+     two bytes  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    ///           |  ID   | len-1 | ...            |      ID       |    length     | ...
    ///           +-+-+-+-+-+-+-+-+                +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    /// ```
    ///
    /// Padding between them is left out. An element that is longer than what is left is an error and the last item.
    ///
    /// ```
    /// use throughline_rtp::{Element, Extension};
    ///
    /// let extension = Extension { profile: 0xbede, data: &[0x31, 0xaa, 0xbb, 0x00] };
    /// let elements: Vec<_> = extension.elements().collect();
    /// assert_eq!(elements, [Ok(Element { id: 3, data: &[0xaa, 0xbb] })]);
    /// ```
    pub fn elements(&self) -> Elements<'b> {
        let (form, rest) = match self.profile {
            ONE_BYTE => (Form::OneByte, self.data),
            profile if profile & 0xfff0 == TWO_BYTES => (Form::TwoBytes, self.data),
            _ => (Form::OneByte, [].as_slice()),
        };
        Elements {
            form,
            rest,
            offset: 0,
        }
    }
}

/// One element of a header extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element<'b> {
    /// What the session description's `a=extmap` maps to a meaning: 1 to 14 in the one-byte form, 1 to 255 in the
    /// other.
    pub id: u8,
    /// 1 to 16 bytes in the one-byte form, 0 to 255 in the other.
    pub data: &'b [u8],
}

/// An element of a header extension is longer than what is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("element {id} at byte {offset} of the header extension is cut short")]
pub struct ElementCutShort {
    /// Where it begins, counted from the start of [`Extension::data`].
    pub offset: usize,
    /// Its ID.
    pub id: u8,
}

#[derive(Debug, Clone, Copy)]
enum Form {
    OneByte,
    TwoBytes,
}

/// Iterator over the elements of an extension: see [`Extension::elements`].
#[derive(Debug, Clone)]
pub struct Elements<'b> {
    form: Form,
    rest: &'b [u8],
    offset: usize,
}

impl<'b> Iterator for Elements<'b> {
    type Item = Result<Element<'b>, ElementCutShort>;

    fn next(&mut self) -> Option<Self::Item> {
        let padding = self.rest.iter().take_while(|byte| **byte == 0).count();
        let offset = self.offset + padding;
        let (head, element) = self.rest.get(padding..)?.split_first()?;
        let rest = std::mem::take(&mut self.rest);
        let (id, split) = match self.form {
            Form::OneByte => {
                let id = head >> 4;
                // ID 0 with a length is no padding: like ID 15 it ends the extension
                // (https://www.rfc-editor.org/rfc/rfc8285#section-4.2).
                if matches!(id, 0 | STOP) {
                    return None;
                }
                (id, element.split_at_checked(usize::from(head & 0x0f) + 1))
            }
            Form::TwoBytes => {
                let length_and_data = element.split_first();
                let split =
                    length_and_data.and_then(|(length, data)| data.split_at_checked(usize::from(*length)));
                (*head, split)
            }
        };
        let Some((data, following)) = split else {
            return Some(Err(ElementCutShort { offset, id }));
        };
        self.offset += rest.len() - following.len();
        self.rest = following;
        Some(Ok(Element { id, data }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(profile: u16, data: &[u8]) -> Vec<Result<(u8, Vec<u8>), ElementCutShort>> {
        let elements = Extension { profile, data }.elements();
        elements
            .map(|element| element.map(|element| (element.id, element.data.to_vec())))
            .collect()
    }

    #[test]
    fn one_byte_elements_are_told_apart_and_padding_is_left_out() {
        let data = [0x10, 7, 0, 0, 0xe1, 8, 9, 0, 0x2f];
        let data: Vec<u8> = data.into_iter().chain(0..16).collect();
        assert_eq!(
            read(0xbede, &data),
            [Ok((1, vec![7])), Ok((14, vec![8, 9])), Ok((2, (0..16).collect()))]
        );
    }

    #[test]
    fn two_byte_elements_may_be_empty_and_long() {
        let mut data = vec![0, 15, 0, 200, 3, 1, 2, 3, 0, 9, 255];
        data.extend([4; 255]);
        for profile in [0x1000, 0x100f] {
            assert_eq!(
                read(profile, &data),
                [Ok((15, vec![])), Ok((200, vec![1, 2, 3])), Ok((9, vec![4; 255]))]
            );
        }
    }

    #[test]
    fn what_follows_id_15_or_a_long_id_0_is_not_read() {
        for stop in [0xf0, 0x03] {
            assert_eq!(
                read(0xbede, &[0x10, 7, stop, 0x20, 8]),
                [Ok((1, vec![7]))],
                "{stop:#x}"
            );
        }
    }

    #[test]
    fn an_element_cut_short_is_named_with_its_place() {
        assert_eq!(
            read(0xbede, &[0x10, 7, 0, 0x23, 8]),
            [Ok((1, vec![7])), Err(ElementCutShort { offset: 3, id: 2 })]
        );
        for data in [&[0, 5][..], &[0, 5, 2, 1]] {
            let error = ElementCutShort { offset: 1, id: 5 };
            assert_eq!(read(0x1000, data), [Err(error)]);
            assert_eq!(
                error.to_string(),
                "element 5 at byte 1 of the header extension is cut short"
            );
        }
    }

    #[test]
    fn other_profiles_have_no_elements() {
        for profile in [0xabac, 0x1010, 0xbedf] {
            assert_eq!(read(profile, &[0x10, 7, 0, 0]), [], "{profile:#x}");
        }
    }
}
