//! What the fronts of tunnels have in common: heads of HTTP requests, and their authentication.

use std::io;
use std::sync::{Arc, Mutex};

use throughline_rtsp::auth::Verifier;
use throughline_rtsp::headers::{Challenge, DigestChallenge, TypedHeader, WwwAuthenticate};
use throughline_rtsp::{Credentials, Headers, Method, Request};
use tokio::io::{AsyncRead, AsyncReadExt};

/// The head of a request.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    /// Method, target, version.
    pub(crate) line: [String; 3],
    fields: Vec<(String, String)>,
}

impl Head {
    /// Reads it byte by byte, and nothing behind it.
    pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Self> {
        let mut text = String::new();
        while !text.ends_with("\r\n\r\n") {
            text.push(char::from(stream.read_u8().await?));
        }
        let mut lines = text.lines();
        let mut words = lines.next().expect("a line").split(' ').map(str::to_owned);
        let line = std::array::from_fn(|_| words.next().expect("three words"));
        let fields = lines.filter_map(|line| line.split_once(": "));
        Ok(Head {
            line,
            fields: fields
                .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
                .collect(),
        })
    }

    /// The value of a field, or nothing.
    pub(crate) fn field(&self, name: &str) -> &str {
        let field = self
            .fields
            .iter()
            .find(|field| field.0.eq_ignore_ascii_case(name));
        field.map_or("", |field| field.1.as_str())
    }

    /// The answer to a request without the right credentials.
    pub(crate) fn verify(&self, verifier: &Mutex<Verifier>) -> Result<(), String> {
        let mut request = Request::new(Method::from(self.line[0].as_str()), self.line[1].as_str());
        if !self.field("Authorization").is_empty() {
            request.headers.set("Authorization", self.field("Authorization"));
        }
        let judged = verifier.lock().expect("a lock").verify(&request);
        judged.map_err(|challenges| {
            let name = WwwAuthenticate::NAME;
            let mut headers = Headers::new();
            headers.set_typed(&challenges);
            let value = headers.get(name).expect("a challenge");
            format!("HTTP/1.0 401 Unauthorized\r\n{name}: {value}\r\n\r\n<html>no</html>")
        })
    }
}

/// Wants Digest of `admin:secret`.
pub(crate) fn verifier() -> Arc<Mutex<Verifier>> {
    let offer = Challenge::Digest(DigestChallenge {
        realm: "camera".to_owned(),
        ..DigestChallenge::default()
    });
    let verifier = Verifier::new(Credentials::new("admin", "secret"), vec![offer], 5);
    Arc::new(Mutex::new(verifier))
}
