//! The floor's connections to the upstream: the one that was used last first.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::Result;

type Body = BoxBody<Bytes, hyper::Error>;

pub struct Pool {
    upstream: SocketAddr,
    idle: Rc<RefCell<Vec<SendRequest<Body>>>>,
}

impl Pool {
    pub fn new(upstream: SocketAddr) -> Self {
        Self { upstream, idle: Rc::default() }
    }

    pub async fn send(&self, request: Request<Body>) -> Result<Response<Incoming>> {
        let idle = self.idle.borrow_mut().pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let response = connection.send_request(request).await?;
        let idle = Rc::clone(&self.idle);
        // The answer's body is not read yet: the connection is ready again only when it has been.
        tokio::task::spawn_local(async move {
            if connection.ready().await.is_ok() {
                idle.borrow_mut().push(connection);
            }
        });
        Ok(response)
    }

    async fn connect(&self) -> Result<SendRequest<Body>> {
        let stream = TcpStream::connect(self.upstream).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::task::spawn_local(async move { connection.await.ok() });
        Ok(sender)
    }
}
