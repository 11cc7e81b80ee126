//! What the fronts of tunnels have in common: heads of HTTP requests.

use std::io;

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
}
