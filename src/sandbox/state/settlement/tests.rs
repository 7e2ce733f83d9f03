//! Money is neither made nor lost, whatever happens in whatever order.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::clock::ManualClock;
use crate::sandbox::call::{Answer, Call};
use crate::sandbox::moment::Time;
use crate::sandbox::query::Query;
use crate::sandbox::state::{keys, payments};

const ENTITY: &str = "entity";
const SETTLE_AFTER: Duration = Duration::from_secs(10);

/// A world of a few accounts, and a hand to move its time.
struct Bank {
    world: World,
    time: Time,
}

type Operation = fn(&mut World, &Call) -> Result<Answer, ApiError>;

impl Bank {
    fn open() -> Self {
        let time = Time::new(Arc::new(ManualClock::starting_at(UNIX_EPOCH + Duration::from_secs(1_760_000_000))));
        let mut world = World::new(1, SETTLE_AFTER, Duration::from_mins(5));
        world.fill_directory();
        world.add_sample(ENTITY, 3, time.moment()).unwrap();
        Self { world, time }
    }

    fn run(&mut self, operation: Operation, body: &Value) -> Value {
        let moment = self.time.moment();
        let (query, body) = (Query::default(), Bytes::from(body.to_string()));
        let call = Call { entity: ENTITY.to_owned(), id: None, query, body, moment, rejection: None };
        self.world.settle(moment);
        operation(&mut self.world, &call).unwrap().body.unwrap()
    }

    /// Account id, customer id and key of the `index`-th account.
    fn account(&mut self, index: usize) -> (String, String, Value) {
        let entity = self.world.entity(ENTITY);
        let account = entity.accounts.iter().nth(index).unwrap();
        let key = entity.keys.iter().nth(index).unwrap();
        (account.id.clone(), account.customer_id.clone(), json!(key.key))
    }

    fn pay(&mut self, from: usize, key: &Value, hundredths: u64) -> Value {
        let (account, customer, _) = self.account(from);
        let resolution = self.run(keys::resolve, &json!({"customer_id": customer, "key": key}))["resolution_id"].clone();
        let amount = json!({"value": format!("{}.{:02}", hundredths / 100, hundredths % 100), "currency": "COP"});
        let created =
            self.run(payments::create_breb, &json!({"account_id": account, "resolution_id": resolution, "amount": amount}));
        if created["status"] == "REJECTED" { created } else { self.run(payments::confirm, &json!({"id": created["id"]})) }
    }

    fn sum(&mut self, balance: fn(&super::super::accounts::Account) -> Amount) -> Amount {
        self.world.entity(ENTITY).accounts.iter().map(balance).fold(Amount::default(), |sum, next| sum.plus(next).unwrap())
    }

    fn total(&mut self) -> Amount {
        let available = self.sum(|account| account.available_balance);
        available.plus(self.sum(|account| account.pending_balance)).unwrap()
    }
}

#[derive(Clone, Debug)]
enum Step {
    Pay { from: usize, to: usize, hundredths: u64 },
    PayOutside { from: usize, hundredths: u64 },
    Suspend { index: usize },
    Wait { seconds: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let amount = prop_oneof![1_u64..100_000, 100_000_000_u64..2_000_000_000];
    prop_oneof![
        (0..3_usize, 0..3_usize, amount.clone()).prop_map(|(from, to, hundredths)| Step::Pay { from, to, hundredths }),
        (0..3_usize, amount).prop_map(|(from, hundredths)| Step::PayOutside { from, hundredths }),
        (0..3_usize).prop_map(|index| Step::Suspend { index }),
        (0..15_u64).prop_map(|seconds| Step::Wait { seconds }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn money_is_neither_made_nor_lost(steps in prop::collection::vec(step(), 1..24)) {
        let mut bank = Bank::open();
        let initial = bank.total();
        let outside = json!({"key_type": "ALPHA", "key_value": "@almacen01"});

        for step in steps {
            match step {
                Step::Pay { from, to, hundredths } => {
                    let key = bank.account(to).2;
                    if bank.world.entity(ENTITY).keys.iter().nth(to).unwrap().status == "ACTIVE" {
                        bank.pay(from, &key, hundredths);
                    }
                }
                Step::PayOutside { from, hundredths } => drop(bank.pay(from, &outside, hundredths)),
                Step::Suspend { index } => {
                    let id = bank.world.entity(ENTITY).keys.iter().nth(index).unwrap().id.clone();
                    bank.world.entity(ENTITY).keys.find_mut(&id).unwrap().status = "SUSPENDED";
                }
                Step::Wait { seconds } => bank.time.advance(Duration::from_secs(seconds)),
            }
            let moment = bank.time.moment();
            bank.world.settle(moment);

            let left: Amount = bank.world.entity(ENTITY).payments.iter()
                .filter(|p| p.key.as_ref().is_some_and(|k| k.key_value == "@almacen01") && p.status == Status::Settled)
                .fold(Amount::default(), |sum, payment| sum.plus(payment.amount).unwrap());
            let held = bank.world.in_flight.iter().fold(Amount::default(), |sum, payment| sum.plus(payment.amount).unwrap());
            prop_assert_eq!(bank.total().plus(left), Some(initial));
            prop_assert_eq!(bank.sum(|account| account.pending_balance), held);
        }
    }
}

#[test]
fn money_whose_receiver_is_gone_comes_back() {
    let mut bank = Bank::open();
    let payer = bank.account(1).0;
    let (receiver, _, key) = bank.account(2);
    let had = bank.world.entity(ENTITY).accounts.find(&payer).unwrap().available_balance;
    let payment = bank.pay(1, &key, 100);
    bank.world.entity(ENTITY).accounts.remove(&receiver).unwrap();

    bank.time.advance(SETTLE_AFTER);
    let moment = bank.time.moment();
    bank.world.settle(moment);

    let entity = bank.world.entity(ENTITY);
    let payment = entity.payments.find(payment["id"].as_str().unwrap()).unwrap();
    assert_eq!((payment.status, &payment.error), (Status::Rejected, &Some(Rejection::receiver_unavailable())));
    let account = entity.accounts.find(&payer).unwrap();
    assert_eq!((account.available_balance, account.pending_balance), (had, Amount::default()));
}
