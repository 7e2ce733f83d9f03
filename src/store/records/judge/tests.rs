//! Every sequence of what requests, owners, operators and time may do, against the history of what was really sent.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::store::records::record::Answer;

const RETENTION: Retention = Retention { done: 100, unknown: 300 };

/// A tenant and a key.
type Name = (u8, u8);

#[derive(Clone, Debug)]
enum Step {
    /// A request of this name comes; there are two different ones.
    Ask(Name, u8),
    /// An owner gives a byte to the socket.
    Send(usize),
    /// An owner is answered, and says so.
    Answered(usize),
    /// An owner is refused in a way that says that nothing was done.
    Refused(usize),
    /// An owner hears nothing more.
    Lost(usize),
    /// An owner dies without a word.
    Die(usize),
    /// An operator speaks.
    Resolve(Name, bool),
    /// Time passes.
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let name = || (0..2_u8, 0..2_u8);
    let owner = || 0..6_usize;
    let step = prop_oneof![
        4 => (name(), 0..2_u8).prop_map(|(name, request)| Step::Ask(name, request)),
        2 => owner().prop_map(Step::Send),
        2 => owner().prop_map(Step::Answered),
        1 => owner().prop_map(Step::Refused),
        1 => owner().prop_map(Step::Lost),
        2 => owner().prop_map(Step::Die),
        1 => (name(), any::<bool>()).prop_map(|(name, free)| Step::Resolve(name, free)),
        1 => (1..150_u64).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 0..80)
}

/// One owner, as it really is.
#[derive(Debug)]
struct Owner {
    fence: Fence,
    name: Name,
    request: u8,
    alive: bool,
    /// It may have done something, and nobody has said that it did not.
    binds: bool,
    /// When that became of no account: answers are kept for so long, and what is unknown for longer.
    until: Option<Millis>,
}

#[derive(Default)]
struct World {
    now: Millis,
    records: BTreeMap<Name, Record>,
    owners: Vec<Owner>,
}

impl World {
    fn alive(&self) -> BTreeSet<Fence> {
        self.owners.iter().filter(|owner| owner.alive).map(|owner| owner.fence).collect()
    }

    fn settled(&self, name: Name) -> Option<Record> {
        let alive = self.alive();
        RETENTION.settle(self.records.get(&name).cloned(), |fence| alive.contains(&fence), self.now)
    }

    fn make(&mut self, name: Name, change: Change) {
        match change {
            Change::Put(record) => _ = self.records.insert(name, record),
            Change::Remove => _ = self.records.remove(&name),
            Change::None => {}
        }
    }

    fn owner(&mut self, at: usize) -> Option<&mut Owner> {
        self.owners.get_mut(at).filter(|owner| owner.alive)
    }

    fn end(&mut self, at: usize, ending: &Ending) {
        let Some(&Owner { name, fence, .. }) = self.owner(at).map(|owner| &*owner) else { return };
        let change = end(self.records.get(&name), fence, ending.clone(), self.now);
        let (now, heard) = (self.now, change != Change::None);
        let owner = &mut self.owners[at];
        owner.alive = false;
        match ending {
            Ending::Free => owner.binds = false,
            Ending::Done(_) if heard => owner.until = Some(now + RETENTION.done),
            _ => {}
        }
        self.make(name, change);
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Ask(name, request) => self.ask(name, request),
            Step::Send(at) => {
                if let Some(owner) = self.owner(at) {
                    owner.binds = true;
                }
            }
            Step::Answered(at) => {
                let Some(owner) = self.owner(at) else { return };
                owner.binds = true;
                let body = format!("{:?} {}", owner.name, owner.request).into();
                self.end(at, &Ending::Done(Outcome::Answer(Answer { status: 200, fields: Vec::new(), body })));
            }
            Step::Refused(at) => self.end(at, &Ending::Free),
            Step::Lost(at) => self.end(at, &Ending::Unknown),
            Step::Die(at) => {
                if let Some(owner) = self.owner(at) {
                    owner.alive = false;
                }
            }
            Step::Resolve(name, free) => self.resolve(name, free),
            Step::Wait(time) => self.now += time,
        }
    }

    fn ask(&mut self, name: Name, request: u8) {
        let fence = self.owners.len() as Fence;
        let trace = Trace { operation: "pay".to_owned(), request_id: fence.to_string() };
        let asked = Asked { fence, fingerprint: [request; 32], trace };
        let found = self.settled(name);
        let now = self.now;
        // Stores write down what they found.
        if let Some(found) = found.clone() {
            self.records.insert(name, found);
        }
        match begin(found.as_ref(), &asked, now) {
            Verdict::Start(record) => {
                for owner in self.owners.iter().filter(|owner| owner.name == name) {
                    let over = owner.until.is_some_and(|until| until <= now);
                    assert!(over || !(owner.alive || owner.binds), "forwarded again, though {owner:?} may have paid");
                }
                assert_eq!(record.state, State::InFlight);
                self.records.insert(name, record);
                self.owners.push(Owner { fence, name, request, alive: true, binds: false, until: None });
                return;
            }
            Verdict::Done(Outcome::Answer(answer), past) => {
                assert_eq!(answer.body, format!("{name:?} {request}"), "an answer to another request, or of another tenant");
                assert!(past.begun <= now);
            }
            Verdict::InFlight => {
                let alive = |owner: &Owner| owner.alive && owner.name == name && owner.request == request;
                assert!(self.owners.iter().any(alive), "nobody is at it");
            }
            Verdict::Mismatch => assert_ne!(found.unwrap().fingerprint, [request; 32]),
            Verdict::Unknown(_) | Verdict::Done(..) => {}
        }
        // An owner that asked in vain is none; its place is kept so that fences stay places.
        self.owners.push(Owner { fence, name: (u8::MAX, 0), request, alive: false, binds: false, until: None });
    }

    fn resolve(&mut self, name: Name, free: bool) {
        let resolution = if free { Resolution::Free } else { Resolution::Done };
        let Ok(change) = resolve(self.settled(name).as_ref(), resolution, self.now) else { return };
        for owner in self.owners.iter_mut().filter(|owner| owner.name == name) {
            assert!(!owner.alive || self.records[&name].state == State::Unknown, "a request under way is nobody's to resolve");
            if free {
                owner.binds = false;
            } else {
                owner.until = Some(self.now + RETENTION.done);
            }
        }
        self.make(name, change);
    }
}

/// What an owner that died, or heard nothing, has kept from being sent again for so long is no secret either.
fn forget_what_is_over(world: &mut World) {
    let (now, records) = (world.now, &world.records);
    for owner in world.owners.iter_mut().filter(|owner| !owner.alive && owner.until.is_none()) {
        let own = records.get(&owner.name).filter(|record| record.fence == owner.fence && record.state == State::Unknown);
        if let Some(expiry) = own.and_then(|record| RETENTION.expiry(record))
            && expiry <= now
        {
            owner.until = Some(expiry);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_sequence_forwards_twice_or_repeats_a_strangers_answer_or_frees_what_was_sent(steps in steps()) {
        let mut world = World::default();
        for step in &steps {
            world.step(step);
            forget_what_is_over(&mut world);
        }
    }

    #[test]
    fn whatever_an_owner_says_of_anothers_record_changes_nothing(fence: Fence, other: Fence, now: Millis) {
        let trace = Trace { operation: "pay".to_owned(), request_id: "1".to_owned() };
        let record = |state| Record { fence, begun: 0, changed: 0, state, trace: trace.clone(), fingerprint: [0; 32] };
        prop_assume!(fence != other);

        for state in [State::InFlight, State::Unknown, State::Done(Outcome::Resolved)] {
            for ending in [Ending::Free, Ending::Unknown, Ending::Done(Outcome::Status(200))] {
                prop_assert_eq!(end(Some(&record(state.clone())), other, ending, now), Change::None);
            }
        }
    }
}

#[test]
fn an_owner_that_comes_back_in_time_is_believed_and_after_an_operator_is_not() {
    let trace = Trace { operation: "pay".to_owned(), request_id: "1".to_owned() };
    let record = Record { fence: 1, begun: 0, changed: 0, state: State::InFlight, trace, fingerprint: [0; 32] };

    let died = RETENTION.settle(Some(record), |_| false, 10).unwrap();
    let late = end(Some(&died), 1, Ending::Done(Outcome::Status(200)), 20);
    let Ok(Change::Put(resolved)) = resolve(Some(&died), Resolution::Done, 15) else { panic!("unknown is to be resolved") };

    assert_eq!((died.state.clone(), died.changed), (State::Unknown, 10));
    assert!(matches!(late, Change::Put(Record { state: State::Done(Outcome::Status(200)), .. })));
    assert_eq!(end(Some(&resolved), 1, Ending::Free, 20), Change::None);
    assert_eq!(resolve(Some(&resolved), Resolution::Free, 20), Err(Unresolvable::Done));
    assert_eq!(resolve(None, Resolution::Free, 20), Err(Unresolvable::Absent));
}
