//! The systems side by side: how each is configured and started for a job.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;
use crate::process::{Process, reachable};
use crate::tokens::{AUDIENCE, ISSUER, Keys, TENANTS, tenant};
use crate::upstream::BEARER;

/// What a system is asked to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Job {
    /// Bytes only.
    Plain,
    /// Token, scope, limit, bearer.
    Full,
    /// The same, and lists are kept.
    Cache,
}

/// Everything that systems stand on.
pub struct Ground {
    /// Where a run's files are.
    pub folder: PathBuf,
    /// Where the peers are installed.
    pub tools: PathBuf,
    /// Where the configurations are.
    pub systems: PathBuf,
    pub gateway: PathBuf,
    pub keys: Keys,
    pub core: usize,
}

/// What differs from scenario to scenario.
#[derive(Clone, Copy)]
pub struct Settings {
    pub job: Job,
    pub upstream: SocketAddr,
    /// One line a request.
    pub logs: bool,
}

/// A system under load.
pub struct Running {
    pub process: Process,
    pub address: SocketAddr,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum System {
    Gateway,
    Floor,
    BareServer,
    Nginx,
    NginxLua,
    Haproxy,
    Envoy,
    Pingora,
    Caddy,
    Varnish,
}

impl System {
    pub fn name(self) -> &'static str {
        match self {
            Self::Gateway => "passport-gateway",
            Self::Floor => "floor on hyper",
            Self::BareServer => "bare hyper server",
            Self::Nginx => "nginx",
            Self::NginxLua => "nginx + Lua",
            Self::Haproxy => "HAProxy",
            Self::Envoy => "Envoy",
            Self::Pingora => "Pingora",
            Self::Caddy => "Caddy",
            Self::Varnish => "Varnish",
        }
    }

    /// Starts it for what `settings` asks, and waits until it accepts connections.
    pub fn start(self, ground: &Ground, settings: Settings) -> Result<Running> {
        let start = Start::new(self, ground, settings)?;
        match self {
            Self::Gateway => start.gateway(),
            Self::Floor => start.floor(),
            Self::BareServer => start.bare_server(),
            Self::Nginx => start.nginx("nginx.conf"),
            Self::NginxLua => start.nginx("nginx-lua.conf"),
            Self::Haproxy if settings.job == Job::Plain => start.haproxy("haproxy.cfg"),
            Self::Haproxy => start.haproxy("haproxy-full.cfg"),
            Self::Envoy if settings.job == Job::Plain => start.envoy("envoy.yaml"),
            Self::Envoy => start.envoy("envoy-full.yaml"),
            Self::Pingora => start.pingora(),
            Self::Caddy => start.caddy(),
            Self::Varnish => start.varnish(),
        }
    }
}

/// One system being started: a folder and a free port of its own.
struct Start<'a> {
    ground: &'a Ground,
    settings: Settings,
    folder: PathBuf,
    address: SocketAddr,
}

impl<'a> Start<'a> {
    fn new(system: System, ground: &'a Ground, settings: Settings) -> Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let folder = ground.folder.join(format!("{system:?}-{:?}-{port}", settings.job));
        fs::create_dir_all(&folder)?;
        Ok(Self { ground, settings, folder, address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)) })
    }

    fn gateway(self) -> Result<Running> {
        let configuration = self.configure("gateway.toml")?;
        let mut command = Command::new(&self.ground.gateway);
        command.args(["run", "--config"]).arg(configuration).env("BENCH_SECRET", "bench");
        self.listening(&mut command)
    }

    fn floor(self) -> Result<Running> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["floor", "--upstream", &self.settings.upstream.to_string()]);
        if self.settings.job != Job::Plain {
            command.arg("--key").arg(&self.ground.keys.public);
        }
        if self.settings.job == Job::Cache {
            command.arg("--cache");
        }
        self.saying(&mut command)
    }

    fn bare_server(self) -> Result<Running> {
        let bytes = probe(self.settings.upstream)?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["upstream", "--bytes", &bytes.to_string()]);
        self.saying(&mut command)
    }

    fn nginx(self, file: &str) -> Result<Running> {
        let configuration = self.configure(file)?;
        let mut command = self.tool("usr/sbin/nginx");
        command.arg("-c").arg(configuration).arg("-p").arg(&self.folder).arg("-e").arg(self.folder.join("early.log"));
        self.listening(&mut command)
    }

    fn haproxy(self, file: &str) -> Result<Running> {
        let configuration = self.configure(file)?;
        let mut command = self.tool("usr/sbin/haproxy");
        command.arg("-f").arg(configuration);
        self.listening(&mut command)
    }

    fn envoy(self, file: &str) -> Result<Running> {
        let configuration = self.configure(file)?;
        let mut command = Command::new(self.ground.tools.join("envoy/_bin/envoy"));
        command.args(["--concurrency", "1", "--log-level", "error", "--use-dynamic-base-id", "-c"]).arg(configuration);
        self.listening(&mut command)
    }

    fn pingora(self) -> Result<Running> {
        let mut command = Command::new(std::env::current_exe()?.with_file_name("peers-pingora"));
        command.args([self.address.to_string(), self.settings.upstream.to_string(), BEARER.to_owned()]);
        self.listening(&mut command)
    }

    fn caddy(self) -> Result<Running> {
        let configuration = self.configure("Caddyfile")?;
        let mut command = self.tool("usr/bin/caddy");
        command
            .args(["run", "--adapter", "caddyfile", "--config"])
            .arg(configuration)
            .env("GOMAXPROCS", "1")
            .env("HOME", &self.folder);
        self.listening(&mut command)
    }

    fn varnish(self) -> Result<Running> {
        let configuration = self.configure("varnish.vcl")?;
        let mut command = self.tool("usr/sbin/varnishd");
        command.arg("-F").arg("-a").arg(self.address.to_string()).arg("-f").arg(configuration);
        command.args(["-s", "malloc,256m", "-n"]).arg(self.folder.join("varnish"));
        self.listening(&mut command)
    }

    /// A program of Debian's, with the libraries it was unpacked with.
    fn tool(&self, path: &str) -> Command {
        let root = self.ground.tools.join("root");
        let mut command = Command::new(root.join(path));
        let libraries = ["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"].map(|folder| display(&root.join(folder)));
        command.env("LD_LIBRARY_PATH", libraries.join(":"));
        command
    }

    /// Starts what listens where it was told to.
    fn listening(&self, command: &mut Command) -> Result<Running> {
        let log = self.folder.join("output");
        let process = Process::logging(command.current_dir(&self.folder), self.ground.core, &log)?;
        reachable(self.address, &log)?;
        Ok(Running { process, address: self.address })
    }

    /// Starts what says where it listens.
    fn saying(&self, command: &mut Command) -> Result<Running> {
        let mut process = Process::start(command, self.ground.core)?;
        let address = process.line()?.parse()?;
        Ok(Running { process, address })
    }

    /// Writes its configuration with everything filled in.
    fn configure(&self, file: &str) -> Result<PathBuf> {
        let mut text = fs::read_to_string(self.ground.systems.join(file))?;
        for (name, value) in self.values() {
            text = text.replace(name, &value);
        }
        let path = self.folder.join(file);
        fs::write(&path, text)?;
        Ok(path)
    }

    /// Longer names first: one may begin as another does.
    fn values(&self) -> Vec<(&'static str, String)> {
        let Ground { tools, systems, keys, .. } = self.ground;
        let Settings { job, upstream, logs } = self.settings;
        let cache = |text: &str| if job == Job::Cache { text.to_owned() } else { String::new() };
        let log = |on: &str, off: &str| if logs { on.to_owned() } else { off.to_owned() };
        let output = self.folder.join("access.log");
        vec![
            ("$UPSTREAM_HOST", upstream.ip().to_string()),
            ("$UPSTREAM_PORT", upstream.port().to_string()),
            ("$UPSTREAM", upstream.to_string()),
            ("$LISTEN_HOST", self.address.ip().to_string()),
            ("$LISTEN_PORT", self.address.port().to_string()),
            ("$LISTEN", self.address.to_string()),
            ("$NGINX_LOG", log(&output.display().to_string(), "off")),
            ("$NGINX_CACHE", cache(NGINX_CACHE)),
            ("$HAPROXY_LOGGING", log("log global\n    option httplog", "")),
            ("$HAPROXY_LOG", log("log stdout format raw daemon", "")),
            ("$HAPROXY_CACHE", cache(HAPROXY_CACHE)),
            ("$ENVOY_LOG", log(&ENVOY_LOG.replace("$OUTPUT", &output.display().to_string()), "")),
            ("$ENVOY_CACHE", cache(ENVOY_CACHE)),
            ("$ENVOY_BEARER", cache(ENVOY_BEARER)),
            ("$ENVOY_TENANTS", tenants(ENVOY_TENANT)),
            ("$CADDY_LOG", log(&format!("log {{\n\t\toutput file {}\n\t}}", output.display()), "")),
            ("$GATEWAY_TENANTS", tenants(GATEWAY_TENANT)),
            ("$ACCESS_LOG", logs.to_string()),
            ("$LOG", log("info", "error")),
            ("$WORKERS", "1".to_owned()),
            ("$JWT_CACHE", "10000".to_owned()),
            ("$JWKS", display(&keys.jwks)),
            ("$KEY", display(&keys.public)),
            ("$ISSUER", ISSUER.to_owned()),
            ("$AUDIENCE", AUDIENCE.to_owned()),
            ("$BEARER", BEARER.to_owned()),
            ("$FOLDER", display(&self.folder)),
            ("$SYSTEMS", display(systems)),
            ("$ROOT", display(&tools.join("root"))),
        ]
    }
}

const NGINX_CACHE: &str = "proxy_cache lists;
            proxy_cache_key $tenant$request_uri;
            proxy_cache_valid 200 1h;";

/// HAProxy keys by host and target alone: the tenant goes where the host stands.
const HAPROXY_CACHE: &str = "http-request set-header Host %[var(txn.tenant)]
    http-request cache-use lists
    http-response cache-store lists";

const ENVOY_LOG: &str = r#"access_log:
          - name: envoy.access_loggers.file
            typed_config: { "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: "$OUTPUT" }"#;

/// Envoy's cache passes over requests with Authorization, and keys by host and target alone.
const ENVOY_CACHE: &str = r#"- name: envoy.filters.http.header_mutation
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation
              mutations: { request_mutations: [{ remove: authorization }] }
          - name: envoy.filters.http.cache
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.cache.v3.CacheConfig
              typed_config: { "@type": type.googleapis.com/envoy.extensions.http.cache.simple_http_cache.v3.SimpleHttpCacheConfig }"#;

/// What Envoy's cache sends up knows nothing of its route: the bearer is added at the cluster.
const ENVOY_BEARER: &str = r#"typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: { http_protocol_options: {} }
        http_filters:
        - name: envoy.filters.http.header_mutation
          typed_config:
            "@type": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation
            mutations: { request_mutations: [{ append: { header: { key: authorization, value: "Bearer $BEARER" }, append_action: OVERWRITE_IF_EXISTS_OR_ADD } }] }
        - name: envoy.filters.http.upstream_codec
          typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec }"#;

const ENVOY_TENANT: &str = "              - entries: [{ key: tenant, value: $TENANT }]
                token_bucket: { max_tokens: 1000000, tokens_per_fill: 1000000, fill_interval: 1s }
";

const GATEWAY_TENANT: &str = r#"[tenants.$TENANT]
credential = "bench"
scopes = ["paas.core.entity_customers.*", "paas.core.breb_payments.*", "paas.core.accounts.list.get"]
rate_limit = { requests = 1000000, per = "1s", burst = 1000000 }

"#;

fn tenants(template: &str) -> String {
    (0..TENANTS).map(|number| template.replace("$TENANT", &tenant(number))).collect()
}

fn display(path: &Path) -> String {
    path.display().to_string()
}

/// How many bytes the stand-in for Passport answers with.
fn probe(upstream: SocketAddr) -> Result<usize> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(upstream)?;
    write!(stream, "GET / HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {BEARER}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let head = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").ok_or("the upstream gave no answer")?;
    Ok(answer.len() - head - 4)
}
