//! A camera to try clients on: `camera [ADDRESS [none|basic|digest|sha256|any [tcp|udp|both]]]`, user
//! `viewer`, password `sesame`.

use std::time::Duration;

use throughline_mock_camera::{Authentication, Credentials, MockCamera, Transports};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8554".to_owned());
    let credentials = Credentials::new("viewer", "sesame");
    let authentication = match arguments.next().as_deref() {
        None | Some("none") => Authentication::None,
        Some("basic") => Authentication::Basic(credentials),
        Some("digest") => Authentication::Digest(credentials),
        Some("sha256") => Authentication::DigestSha256(credentials),
        Some("any") => Authentication::Any(credentials),
        Some(other) => return Err(format!("no authentication is called {other}").into()),
    };
    let transports = match arguments.next().as_deref() {
        None | Some("both") => Transports::Both,
        Some("tcp") => Transports::Tcp,
        Some("udp") => Transports::Udp,
        Some(other) => return Err(format!("no transport is called {other}").into()),
    };
    let camera = MockCamera::builder()
        .listen(address.parse()?)
        .authentication(authentication)
        .transports(transports)
        .start()
        .await?;
    println!("{}", camera.url());
    loop {
        tokio::time::sleep(Duration::from_secs(5)).await;
        println!("{:?}", camera.stats());
    }
}
