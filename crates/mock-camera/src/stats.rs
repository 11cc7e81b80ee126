use std::sync::atomic::{AtomicU64, Ordering};

/// What a camera has done since it started; each figure is the sum over all clients, and only `clients` ever
/// falls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MockCameraStats {
    /// RTSP connections that are open now.
    pub clients: u64,
    /// RTSP connections taken.
    pub connections: u64,
    /// Connections closed at once because [`MAX_CLIENTS`](crate::MAX_CLIENTS) were open.
    pub connections_refused: u64,
    /// RTSP requests taken, whatever the answer, or with a quirk none.
    pub requests: u64,
    /// PLAY requests that started a stream.
    pub plays: u64,
    /// Pictures sent.
    pub pictures: u64,
    /// Pictures left out because the client did not keep up, or because a quirk withholds them.
    pub pictures_dropped: u64,
    /// RTP packets sent.
    pub packets: u64,
    /// RTCP PLI and FIR received, those that asked for nothing new included.
    pub keyframe_requests: u64,
    /// RTCP receiver reports received, those inside sender reports left out.
    pub receiver_reports: u64,
}

/// The live figures behind [`MockCameraStats`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) clients: AtomicU64,
    pub(crate) connections: AtomicU64,
    pub(crate) connections_refused: AtomicU64,
    pub(crate) requests: AtomicU64,
    pub(crate) plays: AtomicU64,
    pub(crate) pictures: AtomicU64,
    pub(crate) pictures_dropped: AtomicU64,
    pub(crate) packets: AtomicU64,
    pub(crate) keyframe_requests: AtomicU64,
    pub(crate) receiver_reports: AtomicU64,
}

/// Adds one to a figure.
pub(crate) fn count(figure: &AtomicU64) {
    figure.fetch_add(1, Ordering::Relaxed);
}

impl Counters {
    pub(crate) fn snapshot(&self) -> MockCameraStats {
        let read = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        MockCameraStats {
            clients: read(&self.clients),
            connections: read(&self.connections),
            connections_refused: read(&self.connections_refused),
            requests: read(&self.requests),
            plays: read(&self.plays),
            pictures: read(&self.pictures),
            pictures_dropped: read(&self.pictures_dropped),
            packets: read(&self.packets),
            keyframe_requests: read(&self.keyframe_requests),
            receiver_reports: read(&self.receiver_reports),
        }
    }
}
