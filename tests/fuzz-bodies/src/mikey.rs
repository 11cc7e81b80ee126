use throughline_srtp::mikey::{MAX_PAYLOADS, Message, Timestamp};
use throughline_srtp::{Policy, Reading, Tolerance};

/// A message is written so that it reads the same, in bytes and in base64, with nothing more to overlook. What a policy
/// refuses is an error. The keys that come of it go into a message of ours and come out of it.
pub fn mikey(data: &[u8]) {
    let mut reading = Reading::default();
    let message = match Message::read(data, &mut reading) {
        Ok(message) => message,
        Err(error) => {
            assert!(error.offset <= data.len(), "{error}");
            return;
        }
    };
    for tolerance in Tolerance::ALL {
        let mut strict = Reading::new(Policy::default().refuse(*tolerance));
        let is_used = reading.tolerated().contains(*tolerance);
        assert_eq!(Message::read(data, &mut strict).is_err(), is_used, "{tolerance}");
    }
    assert!(message.payloads.len() <= MAX_PAYLOADS && message.header.sessions.len() <= 255);

    let mut written = Vec::new();
    message.write(&mut written);
    assert_eq!(Message::parse(&written).as_ref(), Ok(&message));
    let text = message.to_base64();
    assert_eq!(
        Message::from_base64(&text, &mut Reading::default()).as_ref(),
        Ok(&message)
    );

    let Ok(keys) = message.keys() else { return };
    assert!((1..=8).contains(&keys.len()));
    for keys in keys {
        let timestamp = message.timestamp().unwrap_or(Timestamp::Counter(0));
        let ours = Message::initiate(&keys, &message.header.sessions, timestamp, &[7; 20]);
        assert_eq!(ours.keys(), Ok(vec![keys]));
    }
}
