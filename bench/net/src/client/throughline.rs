//! The ingest engine, by its public API, on one worker.

use std::num::NonZeroUsize;

use anyhow::Result;
use throughline_ingest::{CameraStream, Config, Retry, TransportPolicy, Workers};

use super::{Allocations, Options, SharedMeter, runtime};
use crate::report::Client;

pub(super) fn run(options: &Options, allocations: Allocations) -> Result<Client> {
    let meter = SharedMeter::new(options, allocations);
    let workers = Workers::new(NonZeroUsize::MIN)?;
    let mut cameras = Vec::new();
    for number in 0..options.cameras {
        let mut config = Config::parse(&options.url(number))?;
        config.transport = if options.udp {
            TransportPolicy::Udp
        } else {
            TransportPolicy::Tcp
        };
        config.retry = Retry::Never;
        cameras.push(workers.spawn(play(number, config, meter.clone())));
    }
    runtime()?.block_on(async {
        for camera in cameras {
            camera.await?;
        }
        anyhow::Ok(())
    })?;
    meter.with(super::Meter::report)
}

async fn play(number: usize, config: Config, meter: SharedMeter) {
    meter.with(|meter| meter.connects(number));
    let mut camera = CameraStream::open(config);
    while let Some(picture) = camera.next_access_unit().await {
        match picture {
            Ok(picture) if meter.with(|meter| meter.picture(number, &picture.data)) => return,
            Ok(_) => {}
            Err(error) => eprintln!("camera {number}: {error}; {:?}", camera.stats()),
        }
    }
}
