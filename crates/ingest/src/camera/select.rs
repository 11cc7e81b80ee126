//! Which of the camera's streams is played.

use throughline_h264::{ParameterSets, PayloadFormat, Policy};
use throughline_rtp::PayloadType;
use throughline_sdp::{Fmtp, Format, MediaDescription, MediaKind, SessionDescription, Tolerances};

use throughline_srtp::Reading;

use super::group::DescribedGroup;
use super::keying::Protection;
use crate::{Described, Policies, TrackDescription};

/// The H.264 format that is played, and what the description says of it.
#[derive(Debug)]
pub(super) struct Selection {
    /// Index of its media in the description.
    pub(super) media: usize,
    pub(super) payload_type: PayloadType,
    pub(super) payload_format: PayloadFormat,
    pub(super) parameter_sets: Option<ParameterSets>,
    pub(super) full_intra_request: FullIntraRequestSupport,
    pub(super) group: DescribedGroup,
    /// `a=rtcp-mux`: RTCP may go where RTP goes.
    pub(super) multiplexes_rtcp: bool,
    pub(super) protection: Protection,
    pub(super) described: Described,
    /// To read the keys.
    pub(super) tolerated_keys: throughline_srtp::Tolerances,
    /// To read the description.
    pub(super) tolerated: Tolerances,
}

/// Whether the description announces `a=rtcp-fb:* ccm fir`,
/// [RFC 5104 §7.1](https://www.rfc-editor.org/rfc/rfc5104#section-7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FullIntraRequestSupport {
    Announced,
    NotAnnounced,
}

/// The first H.264 format, by codec and not by place: cameras list others before it (Q126). Of several, the first whose keys,
/// if it needs any, can be used. Without one, the names of what there is. `server` is what the camera calls itself.
pub(super) fn select(
    description: &SessionDescription,
    server: Option<&str>,
    policies: &Policies,
) -> Result<Selection, Vec<String>> {
    let mut reading = Reading::new(policies.srtp);
    let protections: Vec<Protection> = description
        .media()
        .iter()
        .map(|media| Protection::of(description, media, &mut reading))
        .collect();
    let is_complete = |index: usize| protections.get(index).is_some_and(Protection::is_complete);
    let formats: Vec<(usize, &MediaDescription, Format<'_>)> = description
        .media()
        .iter()
        .enumerate()
        .flat_map(|(index, media)| media.formats().map(move |format| (index, media, format)))
        .collect();
    let h264 = place(&formats, Format::is_h264, is_complete)
        // Some cameras name H.265 and describe H.264 (Q128).
        .or_else(|| {
            place(
                &formats,
                |format| format.fmtp_encoding() == Some("H264"),
                is_complete,
            )
        });
    let Some((selected, (index, media, format))) =
        h264.and_then(|selected| Some((selected, formats.get(selected)?)))
    else {
        return Err(codecs(&formats));
    };
    let parameter_sets = format.fmtp.and_then(|fmtp| parameter_sets(&fmtp, policies.h264));
    // One that cannot be read declares nothing, and everything is read whatever was declared (Q69).
    let payload_format = format
        .fmtp
        .as_ref()
        .and_then(|fmtp| PayloadFormat::from_parameters(fmtp.iter()).ok())
        .unwrap_or_default();
    let index = *index;
    Ok(Selection {
        protection: protections
            .into_iter()
            .nth(index)
            .ok_or_else(|| codecs(&formats))?,
        tolerated_keys: reading.tolerated(),
        media: index,
        payload_type: PayloadType(format.payload_type),
        payload_format,
        group: DescribedGroup::new(description, media),
        multiplexes_rtcp: media.multiplexes_rtcp(),
        tolerated: description
            .tolerated()
            .iter()
            .map(|used| used.tolerance)
            .collect(),
        full_intra_request: if media.supports_feedback(format.payload_type, "ccm fir") {
            FullIntraRequestSupport::Announced
        } else {
            FullIntraRequestSupport::NotAnnounced
        },
        described: Described {
            server: server.map(str::to_owned),
            session_name: description
                .session_name()
                .map(str::trim)
                // What RFC 8866 tells those to write who have no name.
                .filter(|name| !matches!(*name, "" | "-"))
                .map(str::to_owned),
            tracks: formats
                .iter()
                .map(|(_, media, format)| track(media, format))
                .collect(),
            selected,
            parameters: parameter_sets.as_ref().and_then(ParameterSets::parameters),
        },
        parameter_sets,
    })
}

/// Of the first format of video that `is_played` and whose media is complete, or is not.
fn place<'d>(
    formats: &[(usize, &MediaDescription, Format<'d>)],
    is_played: impl Fn(&Format<'d>) -> bool,
    is_complete: impl Fn(usize) -> bool,
) -> Option<usize> {
    let mut places = (0_usize..)
        .zip(formats)
        .filter(|(_, (_, media, format))| *media.kind() == MediaKind::Video && is_played(format));
    let first = places.clone().next();
    places
        .find(|(_, (media, _, _))| is_complete(*media))
        .or(first)
        .map(|(place, _)| place)
}

/// Those of the description. What the policy refuses counts as absent: they may still come in-band.
fn parameter_sets(fmtp: &Fmtp<'_>, policy: Policy) -> Option<ParameterSets> {
    let sprop = fmtp.get("sprop-parameter-sets")?;
    let mut sets = ParameterSets::from_sprop_with(sprop, &policy).ok()?;
    if let Some(described) = fmtp.get("profile-level-id") {
        // What the SPS says counts whatever this is (Q68); whether it is the same is noted.
        let _ = sets.profile_level_id_or(described, &policy);
    }
    Some(sets)
}

fn track(media: &MediaDescription, format: &Format<'_>) -> TrackDescription {
    TrackDescription {
        kind: media.kind().as_str().to_owned(),
        encoding: format.encoding.to_owned(),
        payload_type: format.payload_type,
        clock_rate: format.clock_rate,
    }
}

fn codecs(formats: &[(usize, &MediaDescription, Format<'_>)]) -> Vec<String> {
    let is_video = |media: &MediaDescription| *media.kind() == MediaKind::Video;
    let has_video = formats.iter().any(|(_, media, _)| is_video(media));
    formats
        .iter()
        .filter(|(_, media, _)| is_video(media) || !has_video)
        .map(|(_, _, format)| match format.encoding {
            "" => format!("payload type {}", format.payload_type),
            encoding => encoding.to_owned(),
        })
        .collect()
}
