use std::fs;
use std::future::poll_fn;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener as StdUnixListener, UnixStream as StdUnixStream};
use std::path::Path;

use super::*;

fn tcp(address: &str) -> io::Result<Listener> {
    Listener::bind(&Listen::Tcp(address.parse().unwrap()))
}

fn unix(path: &Path) -> io::Result<Listener> {
    Listener::bind(&Listen::Unix(path.to_owned()))
}

#[test]
fn port_zero_becomes_a_real_port() {
    let listener = tcp("127.0.0.1:0").unwrap();

    let address = listener.address().tcp().unwrap();

    assert_ne!(address.port(), 0);
    assert_eq!(listener.address().to_string(), address.to_string());
}

#[test]
fn an_address_in_use_is_named_in_the_error() {
    let first = tcp("127.0.0.1:0").unwrap();

    let error = tcp(&first.address().to_string()).unwrap_err();

    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    assert!(error.to_string().contains(&first.address().to_string()), "{error}");
}

#[tokio::test]
async fn a_caller_over_tcp_has_an_address_and_is_local_on_a_loopback_listener() {
    let listener = tcp("127.0.0.1:0").unwrap();
    let address = listener.address().tcp().unwrap();
    let registered = listener.register().unwrap();

    let caller = std::net::TcpStream::connect(address).unwrap();
    let accepted = poll_fn(|cx| registered.poll_accept(cx)).await.unwrap();

    assert_eq!(accepted.peer, Peer { address: Some(caller.local_addr().unwrap().ip()), local: true, certificate: None });
    assert!(accepted.socket.tcp_nodelay().unwrap());
}

#[tokio::test]
async fn a_mapped_address_is_told_as_the_ipv4_one_that_it_is() {
    // The one dual-stack listener that stays on this machine; that it does is not known, so its callers are not local.
    let listener = tcp("[::ffff:127.0.0.1]:0").unwrap();
    let port = listener.address().tcp().unwrap().port();
    let registered = listener.register().unwrap();

    let _caller = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let accepted = poll_fn(|cx| registered.poll_accept(cx)).await.unwrap();

    assert_eq!(accepted.peer, Peer { address: Some("127.0.0.1".parse().unwrap()), local: false, certificate: None });
}

#[tokio::test]
async fn a_caller_over_a_unix_socket_is_local_and_has_no_address() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gateway.sock");
    let registered = unix(&path).unwrap().register().unwrap();

    let _caller = StdUnixStream::connect(&path).unwrap();
    let accepted = poll_fn(|cx| registered.poll_accept(cx)).await.unwrap();

    assert_eq!(accepted.peer, Peer { address: None, local: true, certificate: None });
}

#[test]
fn a_unix_socket_is_for_owner_and_group_and_goes_with_its_listener() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gateway.sock");

    let listener = unix(&path).unwrap();
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    drop(listener);

    assert_eq!(mode & 0o777, 0o660);
    assert!(!path.exists());
}

#[test]
fn a_stale_unix_socket_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gateway.sock");
    drop(StdUnixListener::bind(&path).unwrap());
    assert!(path.exists());

    let listener = unix(&path).unwrap();

    assert!(StdUnixStream::connect(&path).is_ok());
    assert_eq!(listener.address().to_string(), format!("unix:{}", path.display()));
}

#[test]
fn a_unix_socket_in_use_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gateway.sock");
    let _other = StdUnixListener::bind(&path).unwrap();

    let error = unix(&path).unwrap_err();

    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    assert!(StdUnixStream::connect(&path).is_ok());
}

#[test]
fn a_file_that_is_no_socket_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("precious");
    fs::write(&path, "data").unwrap();

    assert!(unix(&path).is_err());

    assert_eq!(fs::read_to_string(&path).unwrap(), "data");
}

#[test]
fn the_socket_of_a_successor_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gateway.sock");
    let ours = unix(&path).unwrap();
    fs::rename(&path, directory.path().join("moved.sock")).unwrap();
    let _successor = StdUnixListener::bind(&path).unwrap();

    drop(ours);

    assert!(StdUnixStream::connect(&path).is_ok());
}
