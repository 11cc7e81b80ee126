//! Threads for many cameras.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::io;
use std::iter;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::interval;

mod brake;
mod placement;

use brake::Brake;
use placement::{Load, least_loaded};

/// Over so long the share of time is measured for which a worker was busy.
const MEASURED_OVER: Duration = Duration::from_secs(2);

/// A few threads that share many cameras, each with a tokio runtime of its own: nothing moves from one to another, and no
/// packet waits for a lock.
///
/// ```no_run
/// # async fn example(urls: Vec<&str>) -> Result<(), Box<dyn std::error::Error>> {
/// use throughline_ingest::{CameraStream, Config, Workers};
///
/// let workers = Workers::per_core()?;
/// let mut cameras = Vec::new();
/// for url in urls {
///     let config = Config::parse(url)?;
///     cameras.push(workers.spawn(async move {
///         let mut camera = CameraStream::open(config);
///         while let Some(Ok(picture)) = camera.next_access_unit().await {
///             println!("{} bytes", picture.data.len());
///         }
///         camera.stats()
///     }));
/// }
/// for camera in cameras {
///     println!("{} pictures", camera.await?.access_units);
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Wake-ups
///
/// Waking up for a packet costs more than the packet, and some cameras write packet by packet: 64 of them make more than
/// 40,000 wake-ups a second. A thread that would wake up more than 1,000 times a second, over two seconds, therefore sleeps
/// up to the next tick of a grid of 5 ms before it looks at its sockets again, and then reads from all its cameras what has
/// gathered, and once more what that made room for. Everything on that thread waits as long: timers, and wakes by other
/// threads. Below, nothing is delayed, a single camera of 8 Mbit/s never is; and once a second it is seen whether that is so
/// again.
///
/// A [`CameraStream`](crate::CameraStream) works on any other runtime as well, and has each wake-up there.
///
/// # The end
///
/// Dropping it ends all futures where they await next, so that their [`JoinHandle`]s tell that they were cancelled, and then
/// the threads. It does not wait for that, and may be dropped anywhere. To let cameras say goodbye, end their futures by
/// whatever means they have, and await the handles before. Dropping a handle ends nothing; one that panics ends only itself.
pub struct Workers {
    first: Worker,
    others: Vec<Worker>,
}

struct Worker {
    runtime: Handle,
    busy: Arc<Busy>,
    /// Dropped, it ends the thread.
    _alive: oneshot::Sender<()>,
}

/// In millionths of the time lately.
#[derive(Debug, Default)]
struct Busy(AtomicU32);

/// What one of the [`Workers`] did, and does.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct WorkerStats {
    /// Those that have not ended.
    pub futures: usize,
    /// How often the thread waited for its sockets, since the start.
    pub wakeups: u64,
    /// For how much of the last two seconds it was at work, from 0 to 1.
    pub busy: f64,
}

impl Workers {
    /// As many as there are cores for this process.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new).
    pub fn per_core() -> io::Result<Self> {
        Self::new(thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
    }

    /// So many threads, named `throughline-0` and so on.
    ///
    /// # Errors
    ///
    /// Where the system gives no more threads or descriptors.
    pub fn new(count: NonZeroUsize) -> io::Result<Self> {
        Ok(Workers {
            first: Worker::start(0)?,
            others: (1..count.get()).map(Worker::start).collect::<io::Result<_>>()?,
        })
    }

    /// Runs `future` to its end on the worker with the least load: half of it by what a worker was busy with lately, half by
    /// the count of its futures, for nobody knows yet what a new one will cost. It stays there.
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let loads = self.all().map(Worker::load).collect::<Vec<_>>();
        let worker = self.all().nth(least_loaded(&loads)).unwrap_or(&self.first);
        worker.runtime.spawn(future)
    }

    /// Of each, in the order of the threads' names.
    pub fn stats(&self) -> impl Iterator<Item = WorkerStats> + '_ {
        self.all().map(|worker| {
            let Load { busy, futures } = worker.load();
            WorkerStats {
                futures,
                wakeups: worker.runtime.metrics().worker_park_count(0),
                busy: f64::from(busy) / f64::from(Load::ALWAYS_BUSY),
            }
        })
    }

    fn all(&self) -> impl Iterator<Item = &Worker> {
        iter::once(&self.first).chain(&self.others)
    }
}

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.stats()).finish()
    }
}

impl Worker {
    fn start(number: usize) -> io::Result<Self> {
        let name = format!("throughline-{number}");
        let (alive, ended) = oneshot::channel();
        let busy = Arc::new(Busy::default());
        let measured = Arc::clone(&busy);
        let (tell, told) = mpsc::sync_channel(1);
        // The runtime is the thread's from the beginning: elsewhere it might not be dropped.
        thread::Builder::new().name(name.clone()).spawn(move || {
            let runtime = Builder::new_current_thread()
                .enable_io()
                .enable_time()
                // Of what resolves names.
                .thread_name(name)
                .on_thread_park(brake)
                .build();
            match runtime {
                Ok(runtime) => {
                    let _ = tell.send(Ok(runtime.handle().clone()));
                    run(runtime, ended, &measured);
                }
                Err(error) => drop(tell.send(Err(error))),
            }
        })?;
        Ok(Worker {
            runtime: told.recv().map_err(io::Error::other)??,
            busy,
            _alive: alive,
        })
    }

    fn load(&self) -> Load {
        Load {
            busy: self.busy.0.load(Ordering::Relaxed),
            futures: self.runtime.metrics().num_alive_tasks(),
        }
    }
}

/// A worker's thread.
fn run(runtime: Runtime, mut ended: oneshot::Receiver<()>, busy: &Busy) {
    runtime.block_on(async {
        let metrics = Handle::current().metrics();
        let mut ticks = interval(MEASURED_OVER);
        let mut before = (ticks.tick().await, metrics.worker_total_busy_duration(0));
        loop {
            tokio::select! {
                _ = &mut ended => return,
                _ = ticks.tick() => {}
            }
            let seen = (tokio::time::Instant::now(), metrics.worker_total_busy_duration(0));
            busy.measured(seen.1.saturating_sub(before.1), seen.0 - before.0);
            before = seen;
        }
    });
    // A resolver that does not answer would hold up the end of the thread.
    runtime.shutdown_background();
}

impl Busy {
    fn measured(&self, busy: Duration, of: Duration) {
        let share = busy.as_nanos() * u128::from(Load::ALWAYS_BUSY) / of.as_nanos().max(1);
        let share = u32::try_from(share).unwrap_or(Load::ALWAYS_BUSY);
        self.0.store(share.min(Load::ALWAYS_BUSY), Ordering::Relaxed);
    }
}

/// Before a worker's thread waits for its sockets. Nothing that happens while it sleeps is missed: the kernel keeps what comes in
/// and who else wakes it, and a timer that is due ends the wait at once.
fn brake() {
    thread_local! {
        // A worker's thread runs one runtime.
        static BRAKE: Cell<Option<Brake>> = const { Cell::new(None) };
    }
    let now = Instant::now();
    let mut brake = BRAKE.get().unwrap_or_else(|| Brake::new(now));
    let sleep = brake.on_park(now);
    BRAKE.set(Some(brake));
    if !sleep.is_zero() {
        thread::sleep(sleep);
    }
}
