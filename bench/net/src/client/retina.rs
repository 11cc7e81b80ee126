//! The crate `retina`, with pictures in the same form: Annex B, parameter sets in front of each IDR.

use anyhow::{Context, Result};
use futures_util::StreamExt;
use retina::client::{
    PlayOptions, Session, SessionOptions, SetupOptions, TcpTransportOptions, Transport, UdpTransportOptions,
};
use retina::codec::{CodecItem, FrameFormat};
use url::Url;

use super::{Allocations, Options, SharedMeter, runtime};
use crate::report::Client;

pub(super) fn run(options: &Options, allocations: Allocations) -> Result<Client> {
    let meter = SharedMeter::new(options, allocations);
    runtime()?.block_on(async {
        let mut cameras = tokio::task::JoinSet::new();
        for number in 0..options.cameras {
            let url = Url::parse(&options.url(number))?;
            let transport = if options.udp {
                Transport::Udp(UdpTransportOptions::default())
            } else {
                Transport::Tcp(TcpTransportOptions::default())
            };
            let meter = meter.clone();
            cameras.spawn(async move {
                if let Err(error) = play(number, url, transport, meter).await {
                    eprintln!("camera {number}: {error}");
                }
            });
        }
        while cameras.join_next().await.is_some() {}
        anyhow::Ok(())
    })?;
    meter.with(super::Meter::report)
}

async fn play(number: usize, url: Url, transport: Transport, meter: SharedMeter) -> Result<()> {
    meter.with(|meter| meter.connects(number));
    let mut session = Session::describe(url, SessionOptions::default()).await?;
    let setup = SetupOptions::default()
        .transport(transport)
        .frame_format(FrameFormat::SIMPLE);
    session.setup(0, setup).await?;
    let mut pictures = session.play(PlayOptions::default()).await?.demuxed()?;
    loop {
        if let CodecItem::VideoFrame(picture) = pictures.next().await.context("the stream ended")??
            && meter.with(|meter| meter.picture(number, picture.data()))
        {
            return Ok(());
        }
    }
}
