//! Signals as the process gets them; in a binary of its own, since they concern the whole process.

use std::process::{Command, id};

use passport_gateway::server::{Signal, Signals};

#[tokio::test]
async fn the_first_signal_says_how_to_stop_the_second_that_it_must_be_now_and_a_hangup_to_read_anew() {
    let signal = |name: &str| Command::new("kill").args(["-s", name, &id().to_string()]).status().unwrap();
    let mut signals = Signals::new().unwrap();

    assert!(signal("HUP").success());
    let reload = signals.next().await;
    assert!(signal("TERM").success());
    let first = signals.next().await;
    assert!(signal("INT").success());
    let second = signals.next().await;

    assert_eq!((reload, first, second), (Signal::Reload, Signal::Terminate, Signal::Now));
}
