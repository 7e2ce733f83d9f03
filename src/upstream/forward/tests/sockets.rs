//! The same over real sockets, with the faults that only they have.

use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::transport::Trust;

async fn upstream() -> (Forward, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = config();
    for upstream in &mut config.passport.upstreams {
        upstream.base = Some(format!("http://{}", listener.local_addr().unwrap()).parse().unwrap());
    }
    let connector = Arc::new(Connector::new(&Trust::Nothing, None, Duration::from_secs(3)).unwrap());
    let metrics = Arc::new(Metrics::new());
    let pool = Pool::new(&connector, &destinations(&config), &passport(), &TaskTracker::new(), &metrics);
    (Forward::new(pool, &[], passport().stream_timeout, metrics), listener)
}

/// Closes with a reset in place of an orderly end.
fn reset(io: TcpStream) {
    SockRef::from(&io).set_linger(Some(Duration::ZERO)).unwrap();
    drop(io);
}

#[tokio::test]
async fn connections_are_kept_and_lost_ones_replaced() {
    let (forward, listener) = upstream().await;
    let bodies = async {
        let mut bodies = Vec::new();
        for _ in 0..4 {
            let answer = forward.call(outbound(read())).await.unwrap();
            bodies.push(text(answer.into_body()).await.unwrap());
        }
        bodies
    };
    let peer = async {
        let (mut io, _) = listener.accept().await.unwrap();
        answered(&mut io, &ok("1")).await;
        answered(&mut io, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n2\r\n0\r\n\r\n").await;
        answered(&mut io, "HTTP/1.0 200 OK\r\n\r\n3").await;
        drop(io);
        let (mut io, _) = listener.accept().await.unwrap();
        answered(&mut io, &ok("4")).await;
    };

    let (bodies, ()) = tokio::join!(bodies, peer);

    assert_eq!(bodies, ["1", "2", "3", "4"]);
}

#[tokio::test]
async fn a_refused_connection_sent_nothing() {
    let (forward, listener) = upstream().await;
    drop(listener);

    assert_eq!(forward.call(outbound(write())).await.unwrap_err(), Refusal::UpstreamUnreachable(Sent::Nothing));
}

#[tokio::test]
async fn a_reset_after_the_request_may_have_sent_something() {
    let (forward, listener) = upstream().await;
    let peer = async {
        let (mut io, _) = listener.accept().await.unwrap();
        heard(&mut io).await;
        reset(io);
    };

    let request = outbound(write());
    let (answer, ()) = tokio::join!(forward.call(request), peer);

    assert_eq!(answer.unwrap_err(), Refusal::UpstreamUnreachable(Sent::Something));
}

#[tokio::test]
async fn a_reset_in_the_body_is_a_cut() {
    let (forward, listener) = upstream().await;
    let (read_head, may_reset) = tokio::sync::oneshot::channel();
    let call = async {
        let answer = forward.call(outbound(read())).await.unwrap();
        read_head.send(()).unwrap();
        text(answer.into_body()).await
    };
    let peer = async {
        let (mut io, _) = listener.accept().await.unwrap();
        answered(&mut io, "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await;
        may_reset.await.unwrap();
        reset(io);
    };

    let (body, ()) = tokio::join!(call, peer);

    assert_eq!(body, Err(Cut::Truncated));
}
