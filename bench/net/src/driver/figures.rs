//! From runs to figures.

use std::collections::BTreeMap;

use super::run::{Look, Run};
use super::scenario::{Client, Scenario};
use crate::report::Measured;
use crate::sender::{INTERVAL, Rate, WriteStyle};

/// All runs of one client in one scenario.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) scenario: Scenario,
    pub(super) client: Client,
    /// By the number of the round.
    pub(super) measured: BTreeMap<usize, Run>,
    pub(super) checked: Option<Run>,
    /// What makes it invalid.
    pub(super) faults: Vec<String>,
}

/// The middle one of some figures, and the outermost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) least: f64,
    pub(super) median: f64,
    pub(super) most: f64,
}

impl Spread {
    pub(super) fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut figures: Vec<f64> = figures.into_iter().filter(|figure| figure.is_finite()).collect();
        figures.sort_by(f64::total_cmp);
        let at = |index: usize| figures.get(index).copied();
        let last = figures.len().checked_sub(1)?;
        Some(Spread {
            least: at(0)?,
            median: f64::midpoint(at(last / 2)?, at(last.div_ceil(2))?),
            most: at(last)?,
        })
    }
}

/// A count as a figure. What is counted here stays far below 2^53.
#[expect(clippy::cast_precision_loss, reason = "counts below 2^53")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}

/// A value at a share of all values in their order, such as 0.99; `values` are sorted.
pub(super) fn quantile(values: &[u64], per_mille: usize) -> u64 {
    let index = (values.len().saturating_sub(1) * per_mille).div_ceil(1000);
    values.get(index).copied().unwrap_or_default()
}

impl Run {
    /// All that was sent.
    fn sent(&self, of: impl Fn(&crate::report::Session) -> u64) -> f64 {
        float(self.sessions.iter().map(of).sum())
    }

    pub(super) fn packets(&self) -> f64 {
        self.sent(|session| session.sent.packets)
    }

    /// Bytes of access units of the measured part.
    fn payload(&self, client: Client, measured: &Measured) -> f64 {
        let all = self.sent(|session| session.sent.payload);
        if client.is_foreign() {
            all
        } else if client.is_floor() {
            float(measured.progress) * all / self.sent(|session| session.sent.wire)
        } else {
            float(measured.payload)
        }
    }

    fn measured_packets(&self, client: Client, measured: &Measured) -> f64 {
        self.payload(client, measured) * self.packets() / self.sent(|session| session.sent.payload)
    }

    /// CPU seconds per GiB of access units.
    pub(super) fn cost(&self, client: Client) -> Option<f64> {
        let measured = self.client.measured.as_ref()?;
        let gib = self.payload(client, measured) / f64::from(1 << 30);
        Some(float(measured.cpu) / 1e9 / gib)
    }

    /// Share of the time that the process was running.
    pub(super) fn busy(&self) -> Option<f64> {
        let measured = self.client.measured.as_ref()?;
        Some(float(measured.cpu) / float(measured.elapsed))
    }

    pub(super) fn sleeps(&self, client: Client) -> Option<f64> {
        let measured = self.client.measured.as_ref()?;
        Some(float(measured.sleeps) / self.measured_packets(client, measured))
    }

    pub(super) fn allocations_per_packet(&self, client: Client) -> Option<f64> {
        let measured = self.client.measured.as_ref()?;
        Some(float(measured.allocations) / self.measured_packets(client, measured))
    }

    pub(super) fn allocations_per_unit(&self) -> Option<f64> {
        let measured = self.client.measured.as_ref()?;
        Some(float(measured.allocations) / float(measured.progress))
    }

    /// From the write of the last packet of each access unit to the caller's hands, in ns, sorted; without those of
    /// the first half second.
    pub(super) fn latencies(&self) -> Vec<u64> {
        let mut latencies = Vec::new();
        for session in &self.sessions {
            let Some(received) = self.client.cameras.get(session.camera) else {
                continue;
            };
            let pairs = session.written.iter().zip(&received.handed).skip(15);
            latencies.extend(pairs.map(|(written, handed)| handed.saturating_sub(*written)));
        }
        latencies.sort_unstable();
        latencies
    }
}

/// What makes a run one that does not count: it did less than the others, or something else than the client limited it.
pub(super) fn faults(scenario: &Scenario, client: Client, look: Look, run: &Run) -> Vec<String> {
    let mut faults = Vec::new();
    if run.sessions.len() != scenario.cameras {
        faults.push(format!("{} of {} sessions", run.sessions.len(), scenario.cameras));
    }
    for session in &run.sessions {
        let camera = session.camera;
        let Some(received) = run.client.cameras.get(camera) else {
            faults.push(format!("no camera {camera}"));
            continue;
        };
        if session.sent.units != run.asked.units {
            faults.push(format!(
                "camera {camera}: {} of {} pictures sent",
                session.sent.units, run.asked.units
            ));
        }
        let (got, of) = if client.is_floor() {
            (received.progress, session.sent.wire)
        } else {
            (received.progress, session.sent.units)
        };
        if got != of {
            let dropped = session.dropped;
            faults.push(format!(
                "camera {camera}: {got} of {of} received, {dropped} datagrams dropped"
            ));
        } else if !client.is_floor() && !client.is_foreign() && received.payload != session.sent.payload {
            faults.push(format!(
                "camera {camera}: {} bytes of {}",
                received.payload, session.sent.payload
            ));
        } else if look == Look::Checked && !client.is_floor() && received.digest != session.digest {
            faults.push(format!("camera {camera}: other pictures than were sent"));
        }
    }
    if run.client.measured.is_none() {
        faults.push("the measured part has no end".to_owned());
    }
    if !scenario.udp && is_sender_bound(scenario, run) {
        faults.push("the sender was the limit".to_owned());
    }
    if scenario.rate == Rate::RealTime {
        faults.extend(brevity(scenario, run));
        faults.extend(lateness(scenario, run));
    }
    faults
}

/// Whether less than half of the pictures were measured: cameras that begin while others end are not so many at once as the row
/// says.
fn brevity(scenario: &Scenario, run: &Run) -> Option<String> {
    let elapsed = run.client.measured.as_ref()?.elapsed;
    let whole = scenario.units as u64 * INTERVAL;
    (elapsed * 2 < whole).then(|| format!("only {} ms were measured", elapsed / 1_000_000))
}

/// Whether the rates were other than the row says, for the sender did not keep its times.
pub(super) fn lateness(scenario: &Scenario, run: &Run) -> Option<String> {
    let sum = |of: fn(&crate::report::Session) -> u64| run.sessions.iter().map(of).sum::<u64>();
    let late = sum(|session| session.late);
    // What is written at a time of its own.
    let writes = match scenario.style {
        WriteStyle::Spread => sum(|session| session.sent.packets),
        WriteStyle::AccessUnit | WriteStyle::Packet => sum(|session| session.sent.units),
    };
    let latest = run.sessions.iter().map(|session| session.latest).max()?;
    let latest = latest / 1_000_000;
    (late * 100 > writes).then(|| format!("the sender was late {late} times, by {latest} ms at most"))
}

/// Whether a saturating sender was what limited the client: it did not wait for it, and the client idled. Over UDP on
/// loopback that may be so: the sender's core does what is to do in the kernel for both of them.
pub(super) fn is_sender_bound(scenario: &Scenario, run: &Run) -> bool {
    let waited: f64 = run.sessions.iter().map(|session| session.waited).sum();
    scenario.rate == Rate::Saturated && waited < 0.05 && run.busy().is_some_and(|busy| busy < 0.9)
}

#[cfg(test)]
mod tests {
    use throughline_bench_pure::digest::Digest;

    use super::*;
    use crate::driver::scenario;
    use crate::report::{self, Amount, Received, Session};

    fn run(scenario: &Scenario) -> Run {
        let mut digest = Digest::default();
        digest.add(7);
        let sent = Amount {
            units: scenario.units as u64,
            packets: 100,
            payload: 1 << 20,
            wire: 1 << 21,
        };
        Run {
            client: report::Client {
                cameras: vec![Received {
                    progress: sent.units,
                    payload: sent.payload,
                    digest,
                    ..Received::default()
                }],
                measured: Some(Measured {
                    elapsed: 100,
                    cpu: 100,
                    payload: 1 << 19,
                    ..Measured::default()
                }),
                ..report::Client::default()
            },
            sessions: vec![Session {
                sent,
                digest,
                waited: 0.5,
                ..Session::default()
            }],
            asked: sent,
            calls: None,
        }
    }

    fn saturated() -> Scenario {
        scenario::all().into_iter().next().expect("a scenario")
    }

    fn has_fault(run: &Run, what: &str) -> bool {
        faults(&saturated(), Client::Throughline, Look::Checked, run)
            .iter()
            .any(|fault| fault.contains(what))
    }

    #[test]
    fn a_run_that_brought_all_has_no_fault() {
        let run = run(&saturated());
        assert!(faults(&saturated(), Client::Throughline, Look::Checked, &run).is_empty());
    }

    #[test]
    fn a_run_that_brought_less_or_something_else_is_told() {
        let mut missing = run(&saturated());
        missing.client.cameras[0].progress -= 1;
        missing.sessions[0].dropped = 3;
        assert!(has_fault(&missing, "received, 3 datagrams dropped"));
        let mut other = run(&saturated());
        other.client.cameras[0].digest.add(8);
        assert!(has_fault(&other, "other pictures"));
        other.client.cameras[0].digest = Digest::default();
        assert!(has_fault(&other, "other pictures"), "not hashed");
        let mut short = run(&saturated());
        short.client.cameras[0].payload -= 1;
        assert!(has_fault(&short, "bytes of"));
        let mut fewer = run(&saturated());
        fewer.sessions.clear();
        assert!(has_fault(&fewer, "0 of 1 sessions"));
        let mut endless = run(&saturated());
        endless.client.measured = None;
        assert!(has_fault(&endless, "no end"));
    }

    #[test]
    fn a_run_in_real_time_keeps_its_times_and_is_measured_for_long_enough() {
        let mut scenarios = scenario::all().into_iter();
        let is_real_time = |scenario: &Scenario| scenario.rate == Rate::RealTime && scenario.cameras == 1;
        let scenario = scenarios.find(is_real_time).expect("a scenario");
        let faults = |run: &Run| faults(&scenario, Client::Throughline, Look::Checked, run);
        let mut run = run(&scenario);
        assert_eq!(faults(&run), ["only 0 ms were measured"]);
        run.client.measured.as_mut().expect("measured").elapsed = 1_250_000_000;
        assert!(faults(&run).is_empty());
        run.sessions[0].late = run.sessions[0].sent.units;
        run.sessions[0].latest = 12_000_000;
        assert_eq!(faults(&run), ["the sender was late 75 times, by 12 ms at most"]);
    }

    #[test]
    fn a_sender_that_never_waited_for_an_idle_client_is_the_limit() {
        let mut run = run(&saturated());
        assert!(!is_sender_bound(&saturated(), &run));
        run.sessions[0].waited = 0.0;
        assert!(!is_sender_bound(&saturated(), &run));
        run.client.measured.as_mut().expect("measured").cpu = 50;
        assert!(is_sender_bound(&saturated(), &run));
    }

    #[test]
    fn the_cost_is_cpu_time_for_what_came_meanwhile() {
        let mut run = run(&saturated());
        run.client.measured.as_mut().expect("measured").cpu = 1_000_000_000;
        // Half a MiB of pictures in one second.
        assert_eq!(run.cost(Client::Throughline), Some(2048.0));
    }

    #[test]
    fn medians_and_quantiles_are_those_of_the_sorted_figures() {
        let spread = Spread::of([3.0, 1.0, f64::NAN, 2.0, 10.0]).expect("figures");
        assert_eq!((spread.least, spread.median, spread.most), (1.0, 2.5, 10.0));
        assert_eq!(Spread::of([]), None);
        let values: Vec<u64> = (0..=1000).collect();
        assert_eq!(
            [500, 990, 999, 1000].map(|share| quantile(&values, share)),
            [500, 990, 999, 1000]
        );
        assert_eq!(quantile(&[], 500), 0);
    }
}
