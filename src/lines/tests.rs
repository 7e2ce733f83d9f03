use std::sync::Arc;
use std::thread;

use super::*;

const LONG: Duration = Duration::from_secs(20);

/// A thread that keeps what it is given.
fn written(lines: &Arc<Lines>) -> thread::JoinHandle<Vec<u8>> {
    let lines = Arc::clone(lines);
    thread::spawn(move || {
        let (mut all, mut spare) = (Vec::new(), Batch::default());
        loop {
            let Next { batch, closed } = lines.next(spare, None);
            all.extend_from_slice(&batch.bytes);
            lines.finish();
            spare = batch;
            if closed {
                return all;
            }
        }
    })
}

#[test]
fn every_line_is_written_once_and_in_the_order_of_its_thread() {
    let lines = Arc::new(Lines::new(1 << 20));
    let thread = written(&lines);

    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let lines = Arc::clone(&lines);
            thread::spawn(move || (0..500).for_each(|n| assert!(lines.push(format!("{writer} {n}\n").as_bytes()))))
        })
        .collect();
    for writer in writers {
        writer.join().unwrap();
    }
    lines.close();

    let all = String::from_utf8(thread.join().unwrap()).unwrap();
    for writer in 0..4 {
        let mine: Vec<_> = all.lines().filter(|line| line.starts_with(&format!("{writer} "))).collect();
        assert_eq!(mine, (0..500).map(|n| format!("{writer} {n}")).collect::<Vec<_>>());
    }
}

#[test]
fn what_finds_no_room_is_lost_and_counted_also_by_a_metric_that_comes_later() {
    let lines = Lines::new(10);
    let counter = IntCounter::new("lost", "lines").unwrap();

    assert!(lines.push(b"12345678\n"));
    assert!(!lines.push(b"9\n"));
    lines.count_lost_in(counter.clone());
    assert!(!lines.push(b"10\n"));

    assert_eq!((lines.lost(), counter.get()), (2, 2));
    assert_eq!(lines.next(Batch::default(), None).batch.bytes, b"12345678\n");
    assert!(lines.push(b"1234567\n"), "what is taken makes room");
}

#[test]
fn a_line_with_a_place_always_finds_room() {
    let lines = Lines::new(0);

    lines.push_placed(b"payment\n");

    let Next { batch, .. } = lines.next(Batch::default(), None);
    assert_eq!((batch.bytes.as_slice(), batch.lines, batch.placed), (&b"payment\n"[..], 1, 1));
}

#[test]
fn a_flush_waits_for_what_was_handed_over_and_no_longer_than_it_may() {
    let lines = Arc::new(Lines::new(1 << 10));
    lines.push(b"one\n");
    assert!(!lines.flush(Duration::from_millis(1)), "nobody writes");

    let thread = written(&lines);
    assert!(lines.flush(LONG));

    lines.close();
    assert_eq!(thread.join().unwrap(), b"one\n");
}

#[test]
fn a_thread_that_sleeps_is_woken_by_the_first_line() {
    let lines = Arc::new(Lines::new(1 << 10));
    let thread = written(&lines);
    while !lines.lock().asleep {
        thread::yield_now();
    }

    lines.push(b"first\n");

    let state = lines.finished.wait_timeout_while(lines.lock(), LONG, |state| state.written == 0).unwrap().0;
    assert_eq!(state.written, 1);
    drop(state);
    lines.close();
    thread.join().unwrap();
}

#[test]
fn after_the_end_nothing_is_taken() {
    let lines = Lines::new(1 << 10);
    lines.push(b"last\n");
    lines.close();

    assert!(!lines.push(b"late\n"));

    let Next { batch, closed } = lines.next(Batch::default(), None);
    assert_eq!((batch.bytes.as_slice(), closed, lines.lost()), (&b"last\n"[..], true, 1));
}

#[test]
fn a_thread_with_other_work_is_not_held_up() {
    let lines = Lines::new(1 << 10);

    let Next { batch, closed } = lines.next(Batch::default(), Some(Duration::from_millis(1)));

    assert_eq!((batch.lines, closed), (0, false));
}
