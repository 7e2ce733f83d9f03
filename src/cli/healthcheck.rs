//! `healthcheck`: asks a gateway's admin listener whether it is ready.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use http::Uri;

use super::{Exit, complain};

/// A probe that takes longer than this has its answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// The status line is all that matters.
const LONGEST_ANSWER: u64 = 4096;

/// Exits 0 if `url` answers 200.
pub(super) fn healthcheck(url: &Uri) -> Exit {
    match status(url) {
        Ok(200) => Exit::Done,
        Ok(status) => {
            complain(format_args!("{url} answered {status}"));
            Exit::Failed
        }
        Err(error) => {
            complain(format_args!("{url}: {error}"));
            Exit::Failed
        }
    }
}

/// One HTTP/1.0 request needs neither a runtime nor TLS: the admin listener is plain and near.
fn status(url: &Uri) -> std::io::Result<u16> {
    let malformed = |what| std::io::Error::new(std::io::ErrorKind::InvalidInput, what);
    if url.scheme_str() != Some("http") {
        return Err(malformed("the URL must start with http://"));
    }
    let host = url.host().ok_or_else(|| malformed("the URL names no host"))?;
    let address = (host.trim_matches(['[', ']']), url.port_u16().unwrap_or(80)).to_socket_addrs()?.next();
    let address = address.ok_or_else(|| malformed("the host has no address"))?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let target = url.path_and_query().map_or("/", |target| target.as_str());
    let authority = url.authority().map_or(host, |authority| authority.as_str());
    stream.write_all(format!("GET {target} HTTP/1.0\r\nHost: {authority}\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.take(LONGEST_ANSWER).read_to_string(&mut answer)?;
    let status = answer.split_ascii_whitespace().nth(1).and_then(|status| status.parse().ok());
    status.ok_or_else(|| std::io::Error::new(std::io::ErrorKind::InvalidData, "the answer is not HTTP"))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    fn answering(answer: &'static str) -> Uri {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 512];
            let _ = stream.read(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        });
        format!("http://{address}/readyz").parse().unwrap()
    }

    #[test]
    fn only_a_200_is_healthy() {
        assert_eq!(healthcheck(&answering("HTTP/1.1 200 OK\r\n\r\n")), Exit::Done);
        assert_eq!(healthcheck(&answering("HTTP/1.1 503 Service Unavailable\r\n\r\n")), Exit::Failed);
        assert_eq!(healthcheck(&answering("nonsense")), Exit::Failed);
    }

    #[test]
    fn nobody_listening_is_not_healthy() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);

        assert_eq!(healthcheck(&format!("http://{address}/readyz").parse().unwrap()), Exit::Failed);
    }
}
