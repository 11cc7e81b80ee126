//! ffmpeg as its users run it. It is a process of its own, so all of it is measured, its start too.

use std::io::Read;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use throughline_bench_pure::digest::hash;
use throughline_h264::annexb;

use super::Options;
use crate::clock;
use crate::process::{Spent, peak_of_children};
use crate::report::{Client, Measured, Received};

pub(super) fn run(options: &Options) -> Result<Client> {
    let begun = clock::now();
    let mut received = Received::default();
    let mut command = Command::new("ffmpeg");
    let transport = if options.udp { "udp" } else { "tcp" };
    command.args(["-v", "error", "-nostdin", "-rtsp_transport", transport]);
    command.args(["-i", &options.url(0), "-c", "copy", "-f"]);
    if options.digest {
        command.args(["h264", "-"]);
    } else {
        command.args(["null", "-progress", "pipe:1", "-"]);
    }
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let mut output = Vec::new();
    child
        .stdout
        .take()
        .context("no output")?
        .read_to_end(&mut output)?;
    child.wait()?;
    if options.digest {
        read_pictures(&output, &mut received);
    } else {
        let text = String::from_utf8_lossy(&output);
        let frames = text
            .lines()
            .filter_map(|line| line.strip_prefix("frame="))
            .next_back();
        received.progress = frames
            .and_then(|frames| frames.trim().parse().ok())
            .unwrap_or_default();
    }
    let spent = Spent::by_children()?;
    Ok(Client {
        measured: Some(Measured {
            elapsed: clock::now() - begun,
            cpu: spent.cpu,
            sleeps: spent.sleeps,
            allocations: 0,
            progress: received.progress,
            payload: 0,
        }),
        cameras: vec![received],
        resident: 0,
        peak: peak_of_children()?,
    })
}

fn read_pictures(stream: &[u8], received: &mut Received) {
    for unit in annexb::access_units(stream) {
        let mut picture = Vec::with_capacity(unit.data.len());
        for nal in annexb::nal_units(unit.data) {
            annexb::append(&mut picture, nal);
        }
        received.digest.add(hash(&picture));
        received.progress += 1;
        received.payload += picture.len() as u64;
    }
}
