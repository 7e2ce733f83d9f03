//! The floors: what a small program on hyper needs, with nothing a user would miss if the job were all there is.
//!
//! `plain` passes bytes. `full` does the whole job (token, scope, limit, bearer, counters) as plainly as it can be done, and `cache` keeps
//! answers in a hash map besides. None of them has deadlines, logs, metrics to scrape, validation or more than one worker.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::rc::Rc;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Either, Empty, Full};
use hyper::body::Incoming;
use hyper::header::{ACCEPT, AUTHORIZATION, HOST, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::LocalSet;

use self::pool::Pool;
use self::token::Tokens;
use crate::Result;
use crate::gcra::Limit;
use crate::upstream::BEARER;

mod pool;
mod token;

#[derive(clap::Args)]
pub struct Options {
    #[arg(long)]
    upstream: SocketAddr,
    /// The issuer's public key in PEM: the full job. Bytes only, if not given.
    #[arg(long)]
    key: Option<PathBuf>,
    /// Keeps answers.
    #[arg(long)]
    cache: bool,
}

struct Floor {
    pool: Pool,
    tokens: Option<Tokens>,
    limits: RefCell<HashMap<Box<str>, Rc<Limit>>>,
    stored: Option<RefCell<HashMap<(Box<str>, Box<str>), Bytes>>>,
    admitted: Cell<u64>,
    bearer: HeaderValue,
}

type Body = Either<Incoming, Full<Bytes>>;

pub fn run(options: Options) -> Result<()> {
    let floor = Rc::new(Floor {
        pool: Pool::new(options.upstream),
        tokens: options.key.map(|key| Tokens::new(&key)).transpose()?,
        limits: RefCell::default(),
        stored: options.cache.then(RefCell::default),
        admitted: Cell::new(0),
        bearer: HeaderValue::from_str(&format!("Bearer {BEARER}"))?,
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, serve(floor))
}

async fn serve(floor: Rc<Floor>) -> Result<()> {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let floor = Rc::clone(&floor);
        let service = service_fn(move |request| {
            let floor = Rc::clone(&floor);
            async move { floor.call(request).await }
        });
        let connection = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
        tokio::task::spawn_local(async move { connection.await.ok() });
    }
}

impl Floor {
    async fn call(&self, mut request: Request<Incoming>) -> Result<Response<Body>> {
        let Some(tokens) = &self.tokens else {
            request.headers_mut().insert(AUTHORIZATION, self.bearer.clone());
            return Ok(self.pool.send(request.map(BodyExt::boxed)).await?.map(Either::Left));
        };
        let Some(tenant) = request.headers().get(AUTHORIZATION).and_then(|value| tokens.tenant(value)) else {
            return Ok(refusal(StatusCode::UNAUTHORIZED));
        };
        if !self.limit(&tenant).admits() {
            return Ok(refusal(StatusCode::TOO_MANY_REQUESTS));
        }
        self.admitted.set(self.admitted.get() + 1);
        request.headers_mut().insert(AUTHORIZATION, self.bearer.clone());
        match &self.stored {
            None => Ok(self.pool.send(outgoing(&request)?).await?.map(Either::Left)),
            Some(stored) => self.cached(stored, tenant, &request).await,
        }
    }

    fn limit(&self, tenant: &str) -> Rc<Limit> {
        if let Some(limit) = self.limits.borrow().get(tenant) {
            return Rc::clone(limit);
        }
        let limit = Rc::new(Limit::new(1_000_000, 1_000_000));
        self.limits.borrow_mut().insert(tenant.into(), Rc::clone(&limit));
        limit
    }

    async fn cached(
        &self,
        stored: &RefCell<HashMap<(Box<str>, Box<str>), Bytes>>,
        tenant: Box<str>,
        request: &Request<Incoming>,
    ) -> Result<Response<Body>> {
        let target = request.uri().path_and_query().map_or("", |target| target.as_str());
        let key = (tenant, target.into());
        let found = stored.borrow().get(&key).cloned();
        let bytes = match found {
            Some(bytes) => bytes,
            None => {
                let bytes = self.pool.send(outgoing(request)?).await?.collect().await?.to_bytes();
                stored.borrow_mut().insert(key, bytes.clone());
                bytes
            }
        };
        let mut response = Response::new(Either::Right(Full::new(bytes)));
        response.headers_mut().insert(hyper::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(response)
    }
}

/// What goes up: the allowed fields and no other, as the job has it.
fn outgoing(request: &Request<Incoming>) -> Result<Request<BoxBody<Bytes, hyper::Error>>> {
    let target: Uri = request.uri().path_and_query().map_or("/", |target| target.as_str()).parse()?;
    let mut up = Request::new(Empty::new().map_err(|never| match never {}).boxed());
    *up.method_mut() = request.method().clone();
    *up.uri_mut() = target;
    for name in [HOST, ACCEPT, AUTHORIZATION] {
        if let Some(value) = request.headers().get(&name) {
            up.headers_mut().insert(name, value.clone());
        }
    }
    Ok(up)
}

fn refusal(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Either::Right(Full::default()));
    *response.status_mut() = status;
    response
}
