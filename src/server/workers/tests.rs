use std::net::SocketAddr;
use std::sync::Mutex;

use bytes::Bytes;
use http::HeaderValue;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::body::Body;
use crate::server::testing::is_answered;
use crate::server::{Listeners, serve};
use crate::service::Response;
use crate::testing;

use super::*;

/// Says which worker answered. `/wait` tells that it has begun and then never ends; `/task` starts a task that never ends;
/// `/background` likewise, in the background; `/panic` panics.
struct Paths {
    context: WorkerContext,
    began: mpsc::UnboundedSender<()>,
}

impl Service<Arrival> for Paths {
    type Error = Infallible;

    async fn call(&self, arrival: Arrival) -> Result<Response, Infallible> {
        match arrival.head.uri.path() {
            "/wait" => {
                let _ = self.began.send(());
                std::future::pending::<()>().await;
            }
            "/task" => drop(self.context.tasks.spawn(std::future::pending::<()>())),
            "/background" => drop(self.context.background.spawn(std::future::pending::<()>())),
            "/panic" => panic!("a defect"),
            _ => {}
        }
        let mut response = Response::new(Body::from(Bytes::from_static(b"done")));
        response.headers_mut().insert("worker", HeaderValue::from(self.context.index));
        Ok(response)
    }
}

/// Workers behind one listener on a port of its own.
struct Fixture {
    address: SocketAddr,
    workers: Arc<Workers>,
    metrics: Arc<Metrics>,
    began: mpsc::UnboundedReceiver<()>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<io::Result<()>>,
}

impl Fixture {
    #[expect(clippy::disallowed_methods, reason = "the test itself owns and awaits the task")]
    fn start(workers: usize, max_connections: usize) -> Self {
        let server = config::Server { workers, max_connections, ..testing::config().server };
        let metrics = Arc::new(Metrics::new());
        let (tell_began, began) = mpsc::unbounded_channel();
        let make_stack = move |context| Paths { context, began: tell_began.clone() };
        let workers = Arc::new(Workers::start(&server, None, Duration::from_mins(1), &metrics, make_stack).unwrap());
        let listeners = Listeners::bind(&server, &crate::server::Passed::default()).unwrap();
        let address = listeners.addresses()[0].tcp().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn({
            let workers = Arc::clone(&workers);
            async move { serve(listeners, &workers, async move { drop(stopped.await) }).await }
        });
        Self { address, workers, metrics, began, stop, serving }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Stops accepting and drains.
    async fn drain(self, deadline: impl Future<Output = ()>) -> Unfinished {
        drop(self.stop);
        self.serving.await.unwrap().unwrap();
        Arc::into_inner(self.workers).unwrap().drain(deadline).await
    }
}

async fn send(connection: &mut TcpStream, path: &str) {
    connection.write_all(format!("GET {path} HTTP/1.1\r\nHost: gateway\r\n\r\n").as_bytes()).await.unwrap();
}

/// Reads the answer `done` and says which worker gave it.
async fn worker(connection: &mut TcpStream) -> usize {
    let mut answer = String::new();
    while !answer.ends_with("\r\n\r\ndone") {
        answer.push(char::from(connection.read_u8().await.unwrap()));
    }
    answer.lines().find_map(|line| line.strip_prefix("worker: ")).unwrap().parse().unwrap()
}

async fn ask(connection: &mut TcpStream, path: &str) -> usize {
    send(connection, path).await;
    worker(connection).await
}

async fn never() {
    std::future::pending::<()>().await;
}

#[test]
fn the_least_busy_worker_is_chosen_and_ties_go_round() {
    assert_eq!(least_busy(&[3, 1, 2], 0), 1);
    assert_eq!([0, 1, 2, 3].map(|turn| least_busy(&[5, 5, 5], turn)), [0, 1, 2, 0]);
    assert_eq!(least_busy(&[0, usize::MAX], 1), 0);
}

#[test]
fn zero_workers_means_one_per_core() {
    assert!(count(0) >= 1);
    assert_eq!(count(3), 3);
}

#[test]
fn a_stack_that_cannot_be_made_is_an_error_of_the_start() {
    fn broken(_: WorkerContext) -> Paths {
        panic!("no stack")
    }

    let started = Workers::start(&testing::config().server, None, Duration::from_secs(1), &Arc::new(Metrics::new()), broken);

    assert!(started.is_err());
}

#[tokio::test]
async fn connections_spread_evenly_and_each_stays_with_its_worker() {
    let fixture = Fixture::start(3, 100);
    let mut served = [0; 3];
    let mut connections = Vec::new();

    for _ in 0..6 {
        let mut connection = fixture.connect().await;
        let first = ask(&mut connection, "/").await;
        assert_eq!(ask(&mut connection, "/").await, first);
        served[first] += 1;
        connections.push(connection);
    }

    assert_eq!(served, [2, 2, 2]);
    assert_eq!(fixture.workers.open(), [2, 2, 2]);
    assert_eq!(fixture.metrics.connections.with(()).get(), 6);
    assert_eq!(fixture.drain(never()).await, Unfinished::default());
}

#[tokio::test]
async fn a_panic_ends_its_connection_and_nothing_else() {
    let fixture = Fixture::start(1, 100);
    let (mut bystander, mut victim) = (fixture.connect().await, fixture.connect().await);
    ask(&mut bystander, "/").await;

    send(&mut victim, "/panic").await;
    let mut answer = Vec::new();
    // Depending on who is faster, the caller sees an end or a reset.
    let _ = victim.read_to_end(&mut answer).await;

    assert_eq!(answer, b"");
    ask(&mut bystander, "/").await;
    let panics = fixture.metrics.connection_errors_total.with(metrics::Reason { reason: "panic" });
    assert_eq!(panics.get(), 1);
    assert_eq!(fixture.drain(never()).await, Unfinished::default());
}

#[tokio::test]
async fn beyond_the_bound_a_caller_waits_until_another_leaves() {
    let fixture = Fixture::start(2, 2);
    let (mut first, mut second) = (fixture.connect().await, fixture.connect().await);
    ask(&mut first, "/").await;
    ask(&mut second, "/").await;

    let mut third = fixture.connect().await;
    send(&mut third, "/").await;
    for _ in 0..10 {
        ask(&mut first, "/").await;
    }
    assert_eq!(fixture.metrics.connections.with(()).get(), 2);
    drop(second);

    worker(&mut third).await;
    assert_eq!(fixture.drain(never()).await, Unfinished::default());
}

#[tokio::test]
async fn after_the_stop_nobody_is_accepted() {
    let fixture = Fixture::start(1, 100);
    let address = fixture.address;

    fixture.drain(never()).await;

    assert!(!is_answered(address).await);
}

#[tokio::test]
async fn drain_cuts_at_the_deadline_and_says_what() {
    let mut fixture = Fixture::start(2, 100);
    let (mut waiting, mut idle) = (fixture.connect().await, fixture.connect().await);
    ask(&mut idle, "/").await;
    ask(&mut idle, "/task").await;
    send(&mut waiting, "/wait").await;
    fixture.began.recv().await.unwrap();

    let unfinished = fixture.drain(async { drop(idle.read_u8().await) }).await;

    assert_eq!(unfinished, Unfinished { connections: 1, tasks: 1 });
    let mut answer = Vec::new();
    let _ = waiting.read_to_end(&mut answer).await;
    assert_eq!(answer, b"");
}

#[tokio::test]
async fn drain_does_not_wait_for_the_background() {
    let fixture = Fixture::start(1, 100);
    let mut connection = fixture.connect().await;
    ask(&mut connection, "/background").await;

    assert_eq!(fixture.drain(never()).await, Unfinished::default());
}

#[tokio::test]
async fn drain_waits_for_tasks_that_end() {
    struct Tasks(TaskTracker, Mutex<Option<oneshot::Receiver<()>>>, mpsc::UnboundedSender<&'static str>);

    impl Service<Arrival> for Tasks {
        type Error = Infallible;

        async fn call(&self, _: Arrival) -> Result<Response, Infallible> {
            let (let_go, ended) = (self.1.lock().unwrap().take().unwrap(), self.2.clone());
            self.0.spawn(async move {
                let _ = let_go.await;
                let _ = ended.send("task");
            });
            Ok(Response::new(Body::from(Bytes::from_static(b"done"))))
        }
    }

    let (let_go, go) = oneshot::channel();
    let (tell, mut order) = mpsc::unbounded_channel();
    let go = Mutex::new(Some(go));
    let server = testing::config().server;
    let workers = Workers::start(&server, None, Duration::from_mins(1), &Arc::new(Metrics::new()), {
        let tell = tell.clone();
        move |context| Tasks(context.tasks, Mutex::new(go.lock().unwrap().take()), tell.clone())
    })
    .unwrap();
    let listeners = Listeners::bind(&server, &crate::server::Passed::default()).unwrap();
    let address = listeners.addresses()[0].tcp().unwrap();
    let mut connection = None;
    serve(listeners, &workers, async {
        let mut caller = TcpStream::connect(address).await.unwrap();
        send(&mut caller, "/").await;
        let mut answer = [0; 12];
        caller.read_exact(&mut answer).await.unwrap();
        connection = Some(caller);
    })
    .await
    .unwrap();

    let draining = async {
        let unfinished = workers.drain(never()).await;
        tell.send("drained").unwrap();
        unfinished
    };
    let (unfinished, ()) = tokio::join!(draining, async { let_go.send(()).unwrap() });

    assert_eq!(unfinished, Unfinished::default());
    assert_eq!((order.recv().await, order.recv().await), (Some("task"), Some("drained")));
}
