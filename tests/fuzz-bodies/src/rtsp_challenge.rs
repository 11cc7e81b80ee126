use throughline_rtsp::auth::{Authenticator, Verifier};
use throughline_rtsp::headers::{Authorization, Challenge, TypedHeader, WwwAuthenticate};
use throughline_rtsp::{Credentials, Message, Method, Parsed, Request, StatusCode, parse};

use crate::input::text;

const PASSWORD: &str = "quiet:\\\"Sésame\"";

/// Whatever a server challenges with, the client's answer either passes at that server or is never made; it passes again
/// with the next nonce, and once its nonce has grown old; and no other answer passes. The lines of the input are: the
/// challenges; an answer of somebody else.
pub fn rtsp_challenge(data: &[u8]) {
    let mut lines = data.splitn(2, |byte| *byte == b'\n').map(text);
    let (value, forged) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let Ok(WwwAuthenticate(offers)) = value.parse() else {
        return;
    };
    let credentials = Credentials::new("view\"er\\\u{f8}", PASSWORD);
    let mut server = Verifier::new(credentials.clone(), offers.clone(), 1);
    let mut client = Authenticator::new(Some(credentials), 2);

    let mut stranger = Request::new(Method::Describe, "rtsp://192.0.2.1/live");
    stranger.headers.set(Authorization::NAME, forged);
    assert!(server.verify(&stranger).is_err(), "{stranger:?}");

    let challenges = challenges_of(&mut server, &request(&mut client));
    if client.challenged(&challenges).is_err() {
        assert!(
            !offers
                .iter()
                .any(|offer| matches!(offer, Challenge::Basic { .. })),
            "{value}"
        );
        return;
    }
    let answer = request(&mut client);
    assert_eq!(server.verify(&answer), Ok(()), "{value}");
    client.not_refused();
    assert!(!format!("{answer:?}").contains(PASSWORD));

    client.informed(&server.next_nonce());
    assert_eq!(server.verify(&request(&mut client)), Ok(()), "{value}");

    server.renew_nonce();
    let answer = request(&mut client);
    if server.verify(&answer).is_err() {
        let challenges = challenges_of(&mut server, &answer);
        assert_eq!(client.challenged(&challenges), Ok(()), "{value}");
        assert_eq!(server.verify(&request(&mut client)), Ok(()), "{value}");
    }
}

/// A request of the client, as the server reads it.
fn request(client: &mut Authenticator) -> Request {
    let mut request = Request::new(Method::Setup, "rtsp://192.0.2.1/live/trackID=0?a=\"b\\\"");
    request.body = "a: b".into();
    client.authorize(&mut request);
    let mut bytes = Vec::new();
    request.write(&mut bytes);
    match parse(&bytes) {
        Ok(Parsed::Message {
            message: Message::Request(read),
            ..
        }) => read,
        other => unreachable!("{request:?} reads as {other:?}"),
    }
}

/// The challenges to this request, as the client reads them.
fn challenges_of(server: &mut Verifier, request: &Request) -> Vec<Challenge> {
    let challenges = server.verify(request).err().unwrap_or_default();
    let mut response = throughline_rtsp::Response::new(StatusCode::UNAUTHORIZED);
    response.headers.set_typed(&challenges);
    let read = response.headers.typed::<WwwAuthenticate>();
    assert_eq!(read.as_ref().map(Option::as_ref), Ok(Some(&challenges)));
    challenges.0
}
