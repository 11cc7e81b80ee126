use throughline_tolerance::tolerances;

tolerances! {
    /// A rule of [RFC 3830](https://www.rfc-editor.org/rfc/rfc3830) that cameras bend and this crate can overlook.
    ///
    /// Each can be refused alone ([`Policy::refuse`](throughline_tolerance::Policy::refuse)), which turns what is read into
    /// [`Fault::NotTolerated`](crate::mikey::Fault::NotTolerated). `Display` says what is bent.
    pub enum Tolerance {
        /// One zero byte stands behind the last payload (Q107). It is not kept.
        Padding => "one byte of padding behind the last payload",
        /// The security policy of SRTP does not say how long authentication tags are (Q107). They have 80 bits; 32 where
        /// the authentication key is said to have four bytes, which is how GStreamer says it.
        AuthenticationTagLength => "security policy without the length of authentication tags",
        /// The camera refuses to manage keys and protects what it sends with those of the client, if they have an identifier
        /// (Q106). A client heeds it: it asks again with such keys, and expects them in what comes.
        ClientKeys => "camera uses the client's keys",
    }
}

/// Which tolerances may be used. The default is all of them.
///
/// ```
/// use throughline_srtp::mikey::{Fault, Message};
/// use throughline_srtp::{Policy, Reading, Tolerance};
///
/// // A header, and behind it one byte too many.
/// let bytes = [1, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0];
/// let mut reading = Reading::default();
/// Message::read(&bytes, &mut reading)?;
/// assert!(reading.tolerated().contains(Tolerance::Padding));
///
/// let mut reading = Reading::new(Policy::default().refuse(Tolerance::Padding));
/// let error = Message::read(&bytes, &mut reading).unwrap_err();
/// assert_eq!((error.offset, error.fault), (10, Fault::NotTolerated(Tolerance::Padding)));
/// # Ok::<(), throughline_srtp::mikey::ParseError>(())
/// ```
pub type Policy = throughline_tolerance::Policy<Tolerance>;

/// Some tolerances, each at most once: those that were used.
pub type Tolerances = throughline_tolerance::Set<Tolerance>;

/// A [`Policy`], and what was used of it so far.
pub type Reading = throughline_tolerance::Reading<Tolerance>;
