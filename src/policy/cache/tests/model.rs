//! Random interleavings of reads, writes, expiry, failures and three tenants of two accounts, against what a reader must be able to
//! rely on: never another's answer, never one older than a write that was answered before the read began, never one older than
//! the TTL, never one that was meant for somebody else alone.

use proptest::prelude::*;

use self::world::World;
use super::*;

mod world;

/// Two lists of one operation, of which the second varies by language, and one of another.
const TARGETS: [&str; 3] = [LIST, "/v1/accounts?status=active", PAYMENTS];
const LANGUAGES: [&str; 2] = ["es", "en"];
/// The last is of the first one's account, with a credential of its own.
const TENANTS: [&str; 3] = ["acme", "globex", "initech"];
const ACCOUNT_OF: [usize; 3] = [0, 1, 0];
const STALE: Duration = Duration::from_secs(3);

/// What somebody asks for.
#[derive(Clone, Copy, Debug)]
struct Question {
    tenant: usize,
    target: usize,
    language: usize,
    no_cache: bool,
}

#[derive(Clone, Debug)]
enum Step {
    /// A read begins.
    Read(Question),
    /// A write begins.
    Write { tenant: usize },
    /// Passport carries out a call that has reached it: reads its state, or changes it.
    CarryOut { call: usize },
    /// Passport's answer to a call arrives.
    Answer { call: usize, how: How },
    /// Time passes.
    Pass { millis: u64 },
    /// Somebody leaves.
    Leave { read: usize },
    /// A write's task is cut off.
    Cut { write: usize },
    /// The operator purges.
    Purge { tenant: usize },
    /// A write of another replica is heard of.
    Elsewhere { account: usize },
}

#[derive(Clone, Copy, Debug)]
enum How {
    Well,
    Tagged,
    Uncacheable,
    Failing,
    Lost,
    Refusing,
}

fn step() -> impl Strategy<Value = Step> {
    let how = prop_oneof![
        4 => Just(How::Well), 3 => Just(How::Tagged), 1 => Just(How::Uncacheable), 1 => Just(How::Failing), 1 => Just(How::Lost),
        1 => Just(How::Refusing)
    ];
    let question = (0..TENANTS.len(), 0..TARGETS.len(), 0..LANGUAGES.len(), prop::bool::weighted(0.1))
        .prop_map(|(tenant, target, language, no_cache)| Question { tenant, target, language, no_cache });
    prop_oneof![
        10 => question.prop_map(Step::Read),
        2 => (0..TENANTS.len()).prop_map(|tenant| Step::Write { tenant }),
        6 => (0..9_usize).prop_map(|call| Step::CarryOut { call }),
        8 => (0..9_usize, how).prop_map(|(call, how)| Step::Answer { call, how }),
        3 => (1..4000_u64).prop_map(|millis| Step::Pass { millis }),
        1 => (0..9_usize).prop_map(|read| Step::Leave { read }),
        1 => (0..9_usize).prop_map(|write| Step::Cut { write }),
        1 => (0..TENANTS.len()).prop_map(|tenant| Step::Purge { tenant }),
        1 => (0..2_usize).prop_map(|account| Step::Elsewhere { account }),
    ]
}

fn run(steps: Vec<Step>) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut world = World::new();
        for step in steps {
            world.take(step).await;
        }
        world.finish().await
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn no_interleaving_serves_a_wrong_or_foreign_answer(steps in prop::collection::vec(step(), 1..150)) {
        run(steps);
    }
}

#[test]
fn the_model_sees_hits() {
    let read = || Step::Read(Question { tenant: 0, target: 0, language: 0, no_cache: false });

    let hits = run(vec![read(), Step::Answer { call: 0, how: How::Well }, read(), Step::Pass { millis: 4000 }, read()]);

    assert_eq!(hits, 2);
}
