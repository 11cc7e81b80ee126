//! What a camera's content means for viewers in a browser: which settings of the camera stand in the way.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use throughline_h264::{Profile, VideoParameters};
use throughline_ingest::Transport;

/// Browsers decode H.264 up to this level in software as well; above it many devices fail.
const MAX_COMMON_LEVEL_IDC: u8 = 52;

/// Viewers of a camera that ignores key-frame requests wait for its next IDR; longer than this looks broken to them.
const MAX_WAIT_SECONDS: f64 = 4.0;

/// Something that a camera's content does to its viewers, and the setting that mends it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Problem {
    /// It keeps viewers from seeing the camera; else it only makes things worse.
    pub(crate) blocks: bool,
    pub(crate) what: String,
    pub(crate) remedy: Cow<'static, str>,
}

impl Problem {
    fn blocks(what: String, remedy: &'static str) -> Self {
        Problem {
            blocks: true,
            what,
            remedy: remedy.into(),
        }
    }

    pub(crate) fn worsens(what: String, remedy: impl Into<Cow<'static, str>>) -> Self {
        Problem {
            blocks: false,
            what,
            remedy: remedy.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.what, self.remedy)
    }
}

/// The profile, if browsers cannot show it.
pub(crate) fn unsuited_profile(parameters: &VideoParameters) -> Option<Problem> {
    match parameters.profile {
        Profile::ConstrainedBaseline
        | Profile::Baseline
        | Profile::Main
        | Profile::High
        | Profile::ProgressiveHigh
        | Profile::ConstrainedHigh => None,
        profile => Some(Problem::blocks(
            format!("browsers do not show H.264 profile {profile}"),
            "set the camera's H.264 profile to Baseline, Main or High",
        )),
    }
}

/// B-frames, which arrive in another order than they are shown in, and WebRTC has no means to say so.
pub(crate) fn b_frames() -> Problem {
    Problem::blocks(
        "the stream has B-frames, of which WebRTC viewers see about one picture in ten".to_owned(),
        "switch B-frames off in the camera (Axis, Amcrest: in the H.264 or GOP settings), or set the profile to Baseline",
    )
}

/// What is worse than it needs to be. `longest_wait`: seconds from an IDR to the last picture seen before the next one.
pub(crate) fn drawbacks(
    parameters: &VideoParameters,
    longest_wait: f64,
    packets_lost: u64,
    transport: Option<Transport>,
) -> Vec<Problem> {
    let mut found = Vec::new();
    if parameters.level.0 > MAX_COMMON_LEVEL_IDC {
        found.push(Problem::worsens(
            format!(
                "H.264 level {} is beyond what many devices decode",
                parameters.level
            ),
            "lower the camera's resolution or frame rate, or use its second stream",
        ));
    }
    if longest_wait > MAX_WAIT_SECONDS {
        found.push(Problem::worsens(
            format!("for {longest_wait:.0} s there was no picture that a viewer could begin with"),
            "set the I-frame interval (GOV length) to 1 or 2 s, and smart codecs (H.264+, Zipstream, Smart Coding) off",
        ));
    }
    if packets_lost > 0 {
        found.push(Problem::worsens(
            format!("{packets_lost} packets were lost between camera and here"),
            match transport {
                // Nothing is lost on the way.
                Some(Transport::Tcp) => "lower the camera's bitrate, or close other viewers of it",
                _ => "use --transport tcp, a cable in place of Wi-Fi, or a lower bitrate in the camera",
            },
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use throughline_mock_camera::{BuiltInClip, Clip};

    use super::*;

    fn parameters(profile: Profile) -> VideoParameters {
        let mut parameters = Clip::built_in(BuiltInClip::High).parameters().unwrap();
        parameters.profile = profile;
        parameters
    }

    #[test]
    fn what_browsers_show_is_no_problem() {
        for profile in [
            Profile::ConstrainedBaseline,
            Profile::Baseline,
            Profile::Main,
            Profile::ConstrainedHigh,
        ] {
            assert_eq!(unsuited_profile(&parameters(profile)), None);
        }
        let problem = unsuited_profile(&parameters(Profile::High422)).unwrap();
        assert!(problem.blocks && problem.what.contains("High 4:2:2"));
    }

    #[test]
    fn q91_q148_b_frames_are_refused_with_the_setting_of_the_makes_that_send_them() {
        let problem = b_frames();
        assert!(problem.blocks && problem.what.contains("B-frames"));
        assert!(
            ["Axis", "Amcrest"]
                .iter()
                .all(|make| problem.remedy.contains(make))
        );
    }

    #[test]
    fn q139_a_long_group_of_pictures_and_loss_are_named_but_do_not_block() {
        let parameters = parameters(Profile::High);
        assert_eq!(drawbacks(&parameters, 2.0, 0, None), []);
        let found = drawbacks(&parameters, 20.0, 3, Some(Transport::Udp));
        assert!(found.iter().all(|problem| !problem.blocks));
        assert!(
            found[0].what.contains("20 s") && found[1].what.contains("3 packets"),
            "{found:?}"
        );
    }
}
