//! Texts and parameter sets, read whole. Times are of one of them, the mean of several by cameras.
//!
//! | | beside |
//! |---|---|
//! | RTSP messages, with headers and body | retina's `Parser` |
//! | session descriptions | `sdp-types`, which is retina's parser: it leaves attributes as texts; so do we until asked |
//! | SPS, every element | `h264-reader`, which is retina's |

#![expect(clippy::expect_used, clippy::panic, reason = "what a bench cannot do ends it")]

use std::hint::black_box;
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use h264_reader::nal::sps::SeqParameterSet;
use h264_reader::rbsp;
use throughline_bench_pure::conversation::{DESCRIPTIONS, MESSAGES, sequence_parameter_sets};
use throughline_bench_pure::nanoseconds_each;
use throughline_h264::Sps;
use throughline_rtsp::Parsed;
use throughline_sdp::SessionDescription;

/// A reader's name, and how it reads a text: it gives a figure that all readers must agree on.
type Reader<'r, T> = (&'r str, &'r dyn Fn(&T) -> usize);

fn bench<T>(criterion: &mut Criterion, group: &str, texts: &[T], readers: &[Reader<'_, T>]) {
    let mut group = criterion.benchmark_group(group);
    let figures = |read: &dyn Fn(&T) -> usize| texts.iter().map(read).collect::<Vec<_>>();
    for (name, read) in readers {
        assert_eq!(figures(read), figures(readers[0].1), "{name}");
        group.bench_function(*name, |bencher| {
            bencher.iter_custom(|passes| {
                nanoseconds_each(texts.len(), passes, || {
                    let started = Instant::now();
                    for text in texts {
                        black_box(read(black_box(text)));
                    }
                    started.elapsed()
                })
            });
        });
    }
}

/// Bytes of the body.
fn rtsp(criterion: &mut Criterion) {
    let ours = |text: &&str| {
        let Ok(Parsed::Message { message, consumed }) = throughline_rtsp::parse(text.as_bytes()) else {
            panic!("no message");
        };
        black_box(message);
        consumed
    };
    let retinas = |text: &&str| {
        let mut rest = text.as_bytes();
        let mut parser = retina::rtsp::parse::Parser::builder().build();
        black_box(parser.feed(&mut rest).expect("a message"));
        text.len() - rest.len()
    };
    bench(
        criterion,
        "RTSP message",
        &MESSAGES,
        &[("throughline", &ours), ("retina", &retinas)],
    );
}

/// Media sections.
fn sdp(criterion: &mut Criterion) {
    let ours = |text: &&str| {
        let description = SessionDescription::parse(text.as_bytes()).expect("a description");
        black_box(&description).media().len()
    };
    let sdp_types = |text: &&str| {
        let session = sdp_types::Session::parse(text.as_bytes()).expect("a description");
        black_box(&session).medias.len()
    };
    bench(
        criterion,
        "SDP",
        &DESCRIPTIONS,
        &[("throughline", &ours), ("sdp-types", &sdp_types)],
    );
}

/// Width of the picture.
fn sps(criterion: &mut Criterion) {
    let ours = |nal: &Vec<u8>| {
        let sps = Sps::parse(nal).expect("an SPS");
        black_box(&sps).parameters().width as usize
    };
    let h264_reader = |nal: &Vec<u8>| {
        let rbsp = rbsp::ByteReader::skipping_h264_header(nal.as_slice());
        let sps = SeqParameterSet::from_bits(rbsp::BitReader::new(rbsp)).expect("an SPS");
        black_box(&sps).pixel_dimensions().expect("a size").0 as usize
    };
    let nals = sequence_parameter_sets();
    bench(
        criterion,
        "SPS",
        &nals,
        &[("throughline", &ours), ("h264-reader", &h264_reader)],
    );
}

criterion_group!(benches, rtsp, sdp, sps);
criterion_main!(benches);
