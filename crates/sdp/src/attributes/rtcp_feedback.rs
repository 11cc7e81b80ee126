use std::fmt;

use super::TypedAttribute;
use crate::grammar;

/// A kind of RTCP feedback that is offered: `a=rtcp-fb:96 nack pli`,
/// [RFC 4585 §4.2](https://www.rfc-editor.org/rfc/rfc4585#section-4.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RtcpFeedback {
    /// The format it is about, `None` for `*`: all of the media description.
    pub payload_type: Option<u8>,
    /// Type and parameters, such as `nack pli` or `ccm fir`.
    pub feedback: String,
}

impl TypedAttribute for RtcpFeedback {
    const NAME: &'static str = "rtcp-fb";

    fn parse(value: &str) -> Option<Self> {
        let (format, feedback) = value.split_once(' ')?;
        let payload_type = match format {
            "*" => None,
            format => Some(grammar::payload_type(format)?),
        };
        let words_are_separate = feedback.split(' ').all(|word| !word.trim().is_empty());
        words_are_separate.then(|| Self {
            payload_type,
            feedback: feedback.to_owned(),
        })
    }
}

impl fmt::Display for RtcpFeedback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.payload_type {
            Some(payload_type) => write!(f, "{payload_type} {}", self.feedback),
            None => write!(f, "* {}", self.feedback),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes::tests::{check, check_refused};

    #[test]
    fn reads_and_writes_feedback_of_one_format_and_of_all() {
        let feedback = |payload_type, feedback: &str| RtcpFeedback {
            payload_type,
            feedback: feedback.to_owned(),
        };
        check(&[
            ("96 nack", feedback(Some(96), "nack")),
            ("96 nack pli", feedback(Some(96), "nack pli")),
            ("* ccm fir", feedback(None, "ccm fir")),
            ("* trr-int 100", feedback(None, "trr-int 100")),
        ]);
        check_refused::<RtcpFeedback>(&[
            "",
            "96",
            "96 ",
            "* ",
            "128 nack",
            "nack pli",
            "96 nack  pli",
            "96 nack ",
        ]);
    }
}
