//! What happens while there is no new token to be had.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::transport::{Client, Connector, Trust};

#[tokio::test(start_paused = true)]
async fn callers_hear_at_once_that_there_is_no_token_between_two_attempts() {
    let mut stage = start(&config());
    for _ in 0..8 {
        stage.script.asked().await.fail(Failure::Unreachable);
    }
    while only(&stage).status().next_attempt.is_zero() {
        tokio::task::yield_now().await;
    }
    let began = Instant::now();

    let answer = bearer(&stage).await;

    assert!(matches!(answer, Err(Withheld::For(wait)) if wait >= SECOND && wait <= SECOND * 10), "{answer:?}");
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_endpoint_is_left_after_a_while_and_its_callers_wait_less() {
    let mut stage = start(&config());
    let asked = stage.script.asked().await;
    let sent = asked.at;
    let hanging = aside(asked.hang());

    assert!(matches!(bearer(&stage).await, Err(Withheld::For(_))));
    assert_eq!(sent.elapsed().as_secs(), 5);
    let short = only(&stage).token(Instant::now() + SECOND).await;
    assert!(matches!(short, Err(Withheld::For(_))));
    assert_eq!(sent.elapsed().as_secs(), 6);

    hanging.await.unwrap();
    assert_eq!(sent.elapsed().as_secs(), 10);
    assert_eq!(failed(&stage).await, Failure::Timeout);
    stage.script.asked().await.grant("one", DAY);
    assert_eq!(bearer(&stage).await.unwrap(), "Bearer one");
}

#[tokio::test(start_paused = true)]
async fn a_dripping_endpoint_is_left_as_well() {
    struct Dripping;
    impl TokenEndpoint for Dripping {
        async fn ask(&self, _: http::Request<bytes::Bytes>) -> Result<http::Response<bytes::Bytes>, Unanswered> {
            loop {
                tokio::time::sleep(SECOND).await;
            }
        }
    }
    let config = config();
    let settings = Settings {
        credentials: &config.credentials,
        upstreams: &config.passport.upstreams,
        tenants: &config.tenants,
        catalogue: &config.catalogue,
    };
    let (metrics, shutdown) = (Arc::new(Metrics::new()), CancellationToken::new());
    let began = Instant::now();

    let tokens = Tokens::start(settings, Dripping, &SystemClock::shared(), &metrics, &TaskTracker::new(), &shutdown);
    tokens.attempted().await;

    assert_eq!(began.elapsed().as_secs(), 10);
    assert_eq!(tokens.statuses()[0].failure, Some(Failure::Timeout));
    shutdown.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_rejected_credential_is_remembered_and_not_hammered() {
    let mut stage = start(&config());
    stage.script.asked().await.answer(401, r#"{"error": "invalid_client"}"#);
    stage.tokens.attempted().await;

    assert_eq!(bearer(&stage).await, Err(Withheld::Rejected));
    assert!(stage.script.rests(SECOND * 14).await);
    assert_eq!(bearer(&stage).await, Err(Withheld::Rejected));
    let mut tries = 0;
    let began = Instant::now();
    while began.elapsed() < Duration::from_hours(1) {
        stage.script.asked().await.answer(401, "");
        tries += 1;
    }
    assert!(tries <= 17, "{tries} tries in an hour");
}

#[tokio::test(start_paused = true)]
async fn a_credential_rejected_later_keeps_its_last_good_token() {
    let mut stage = start(&config());
    let asked = stage.script.asked().await;
    let sent = asked.at;
    asked.grant("one", 100);

    stage.script.asked().await.answer(403, "");
    assert!(failed(&stage).await.is_rejection());

    assert_eq!(bearer(&stage).await.unwrap(), "Bearer one");
    assert_eq!(only(&stage).status().state, State::Failing);
    while Instant::now() < sent + SECOND * 100 {
        tokio::select! {
            asked = stage.script.asked() => asked.answer(403, ""),
            () = sleep_until(sent + SECOND * 100) => {}
        }
    }
    assert_eq!(bearer(&stage).await, Err(Withheld::Rejected));
}

#[tokio::test(start_paused = true)]
async fn a_defect_while_minting_is_a_failure_like_others() {
    let mut stage = start(&config());

    stage.script.asked().await.panic();

    assert_eq!(failed(&stage).await, Failure::Internal);
    stage.script.asked().await.grant("one", DAY);
    assert_eq!(bearer(&stage).await.unwrap(), "Bearer one");
}

#[tokio::test(start_paused = true)]
async fn the_endpoints_wish_for_patience_is_kept() {
    let mut stage = start(&config());
    let asked = stage.script.asked().await;
    let sent = asked.at;

    asked.fail(Failure::Throttled(Some(SECOND * 40)));

    assert!(stage.script.asked().await.at >= sent + SECOND * 40);
}

/// A real client on a real socket, and a clock that moves when the test says so.
#[tokio::test]
async fn redirects_and_endless_answers_are_failures_over_a_socket_too() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut config = config();
    for upstream in &mut config.passport.upstreams {
        upstream.token_url = Some(format!("http://{address}/v1/iam/oauth/tokens").parse().unwrap());
    }
    let settings = Settings {
        credentials: &config.credentials,
        upstreams: &config.passport.upstreams,
        tenants: &config.tenants,
        catalogue: &config.catalogue,
    };
    let clock = crate::testing::clock();
    let shared: SharedClock = Arc::clone(&clock) as SharedClock;
    let client = Client::new(Arc::new(Connector::new(&Trust::Nothing, None, SECOND).unwrap()));
    let (metrics, tracker, shutdown) = (Arc::new(Metrics::new()), TaskTracker::new(), CancellationToken::new());
    let tokens = Tokens::start(settings, client, &shared, &metrics, &tracker, &shutdown);
    let source = &tokens.sources()[0];

    let redirect = format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: http://{address}/else\r\nContent-Length: 0\r\n\r\n");
    let long = format!("HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n{}", " ".repeat(70_000));
    let answers = [(redirect, Failure::Redirected), (long, Failure::TooLarge), ("SMTP\r\n\r\n".to_owned(), Failure::Invalid)];
    for (answer, failure) in answers {
        let asked = serve(&listener, &answer).await;
        assert!(asked.starts_with("POST /v1/iam/oauth/tokens HTTP/1.1\r\n"), "{asked}");
        let mut changed = source.changes();
        while source.status().failure != Some(failure) {
            changed.changed().await.unwrap();
        }
        clock.advance(SECOND * 10);
    }
    let body = granting("one", DAY);
    serve(&listener, &format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())).await;

    assert_eq!(source.token(far()).await.unwrap().bearer(), "Bearer one");
    shutdown.cancel();
}

/// Answers one connection and hands back what was asked.
async fn serve(listener: &TcpListener, answer: &str) -> String {
    let (mut io, _) = listener.accept().await.unwrap();
    let mut asked = Vec::new();
    while !asked.ends_with(b"}") {
        assert_ne!(io.read_buf(&mut asked).await.unwrap(), 0);
    }
    // The client may leave before it has read everything.
    let _ = io.write_all(answer.as_bytes()).await;
    String::from_utf8(asked).unwrap()
}
