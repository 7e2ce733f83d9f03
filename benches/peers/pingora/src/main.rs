//! Pingora passes bytes: keep-alive to both sides, one thread.

use std::env;
use std::sync::Arc;

use async_trait::async_trait;
use pingora_core::Result;
use pingora_core::server::Server;
use pingora_core::server::configuration::ServerConf;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_http::RequestHeader;
use pingora_proxy::{ProxyHttp, Session, http_proxy_service};

struct Passport {
    upstream: String,
    bearer: String,
}

#[async_trait]
impl ProxyHttp for Passport {
    type CTX = ();

    fn new_ctx(&self) -> Self::CTX {}

    async fn upstream_peer(&self, _session: &mut Session, _ctx: &mut Self::CTX) -> Result<Box<HttpPeer>> {
        Ok(Box::new(HttpPeer::new(self.upstream.as_str(), false, String::new())))
    }

    async fn upstream_request_filter(
        &self,
        _session: &mut Session,
        request: &mut RequestHeader,
        _ctx: &mut Self::CTX,
    ) -> Result<()> {
        request.insert_header("Authorization", &self.bearer)
    }
}

fn main() {
    let mut arguments = env::args().skip(1);
    let [listen, upstream, bearer] = std::array::from_fn(|_| arguments.next().expect("address, upstream and bearer"));
    let configuration = ServerConf { threads: 1, upstream_keepalive_pool_size: 128, ..ServerConf::default() };
    let mut server = Server::new_with_opt_and_conf(None, configuration);
    let passport = Passport { upstream, bearer: format!("Bearer {bearer}") };
    let mut service = http_proxy_service(&Arc::clone(&server.configuration), passport);
    service.add_tcp(&listen);
    server.add_service(service);
    server.run_forever();
}
