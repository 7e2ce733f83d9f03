use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn settings() -> config::Breaker {
    config::Breaker { failures: 0.5, minimum: 4, window: 10 * SECOND, open: 5 * SECOND }
}

/// A breaker, and the requests it is given one after the other.
struct Story {
    state: State,
    now: Instant,
}

impl Story {
    fn new() -> Self {
        let now = Instant::now();
        Self { state: State::new(settings(), now), now }
    }

    fn pass(&mut self, duration: Duration) {
        self.now += duration;
    }

    fn admit(&mut self, effect: Effect) -> Result<Ticket, Duration> {
        self.state.admit(effect, self.now)
    }

    /// One read with this verdict; says whether that opened the breaker.
    fn read(&mut self, verdict: Verdict) -> bool {
        let ticket = self.admit(Effect::Read).expect("a read is admitted");
        self.state.record(ticket, verdict, self.now).is_some()
    }

    /// A breaker whose own connection succeeded.
    fn half_open() -> Self {
        let mut story = Self::new();
        while !story.read(Verdict::Failure) {}
        story.pass(5 * SECOND);
        assert_eq!(story.state.probed(true, story.now), None);
        story
    }
}

#[test]
fn it_opens_at_the_share_of_failures_but_not_before_the_minimum() {
    let mut story = Story::new();

    let opened = [Verdict::Failure, Verdict::Failure, Verdict::Success, Verdict::Failure].map(|verdict| story.read(verdict));

    assert_eq!(opened, [false, false, false, true]);
    assert_eq!(story.admit(Effect::Read).unwrap_err(), 5 * SECOND);
    assert_eq!(story.state.number(), 2);
}

#[test]
fn below_the_share_it_stays_closed() {
    let mut story = Story::new();

    for _ in 0..100 {
        assert!(!story.read(Verdict::Success));
        assert!(!story.read(Verdict::Success));
        assert!(!story.read(Verdict::Failure));
    }

    assert_eq!(story.state.number(), 0);
}

#[test]
fn failures_older_than_the_window_are_forgotten() {
    let mut story = Story::new();

    for _ in 0..3 {
        story.read(Verdict::Failure);
    }
    story.pass(10 * SECOND);

    assert!(!story.read(Verdict::Failure));
}

#[test]
fn what_says_nothing_is_not_counted() {
    let mut story = Story::new();

    for _ in 0..100 {
        assert!(!story.read(Verdict::None));
    }
    for _ in 0..3 {
        assert!(!story.read(Verdict::Failure));
    }

    assert!(story.read(Verdict::Failure));
}

#[test]
fn it_stays_open_until_a_connection_succeeds_however_long_that_takes() {
    let mut story = Story::half_open();
    let ticket = story.admit(Effect::Read).unwrap();
    story.state.record(ticket, Verdict::Failure, story.now);

    story.pass(5 * SECOND);
    assert_eq!(story.state.probed(false, story.now), Some(story.now + 5 * SECOND));
    story.pass(5 * SECOND);
    assert_eq!(story.admit(Effect::Read).unwrap_err(), SECOND);

    assert_eq!(story.state.probed(true, story.now), None);
    assert!(story.admit(Effect::Read).is_ok());
}

#[test]
fn half_open_it_admits_one_request_at_a_time() {
    let mut story = Story::half_open();
    assert_eq!(story.state.number(), 1);

    let ticket = story.admit(Effect::Read).unwrap();

    assert_eq!(story.admit(Effect::Read).unwrap_err(), SECOND);
    assert_eq!(story.admit(Effect::Money).unwrap_err(), SECOND);
    story.state.record(ticket, Verdict::Success, story.now);
    assert_eq!(story.state.number(), 0);
    assert!(story.admit(Effect::Money).is_ok());
}

#[test]
fn a_write_is_admitted_only_when_no_read_came_within_a_second() {
    let mut story = Story::half_open();

    assert_eq!(story.admit(Effect::Money).unwrap_err(), SECOND);
    story.pass(SECOND / 4);
    assert_eq!(story.admit(Effect::Write).unwrap_err(), SECOND * 3 / 4);
    story.pass(SECOND * 3 / 4);

    assert!(story.admit(Effect::Money).is_ok());
}

#[test]
fn an_abandoned_trial_frees_its_place_and_reads_go_first_again() {
    let mut story = Story::half_open();
    story.pass(SECOND);

    assert!(!story.read(Verdict::None));

    assert_eq!(story.state.number(), 1);
    assert_eq!(story.admit(Effect::Write).unwrap_err(), SECOND);
    assert!(story.admit(Effect::Read).is_ok());
}

#[test]
fn a_failed_trial_opens_it_again() {
    let mut story = Story::half_open();

    assert!(story.read(Verdict::Failure));

    assert_eq!(story.admit(Effect::Read).unwrap_err(), 5 * SECOND);
}

#[test]
fn a_result_from_before_a_change_counts_for_nothing() {
    let mut story = Story::new();
    let late = [story.admit(Effect::Read).unwrap(), story.admit(Effect::Read).unwrap()];
    while !story.read(Verdict::Failure) {}
    story.pass(5 * SECOND);
    story.state.probed(true, story.now);

    for (ticket, verdict) in late.into_iter().zip([Verdict::Success, Verdict::Failure]) {
        assert_eq!(story.state.record(ticket, verdict, story.now), None);
        assert_eq!(story.state.number(), 1);
    }
}

#[test]
fn closed_again_it_counts_from_the_beginning() {
    let mut story = Story::half_open();
    assert!(!story.read(Verdict::Success));

    let opened = [(); 4].map(|()| story.read(Verdict::Failure));

    assert_eq!(opened, [false, false, false, true]);
}
