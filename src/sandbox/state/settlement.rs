//! Money on its way: what a payment becomes as time passes.
//!
//! The sum of all balances, available and pending, changes only when money comes from or goes to another participant.

use tokio::time::Instant;

use super::World;
use super::payments::{Payment, Rejection, Status};
use super::sample::outsider;
use crate::sandbox::error::ApiError;
use crate::sandbox::moment::{Moment, Timestamp};
use crate::sandbox::money::Amount;
use crate::sandbox::party::{Party, SPONSOR_BANK};

/// A payment whose money the payer no longer has and the receiver does not yet have.
pub(crate) struct InFlight {
    /// The payer's entity.
    pub(crate) entity: String,
    payment_id: String,
    account_id: String,
    amount: Amount,
    /// The receiver's entity and account; none if it is at another participant.
    receiver: Option<(String, String)>,
    /// When it stops being merely pending; none once it has.
    processing_at: Option<Instant>,
    settled_at: Instant,
}

impl World {
    /// Puts a payment whose money is held on its way.
    pub(crate) fn send(&mut self, entity: &str, payment: &Payment, moment: Moment) {
        self.in_flight.push(InFlight {
            entity: entity.to_owned(),
            payment_id: payment.id.clone(),
            account_id: payment.account_id.clone(),
            amount: payment.amount,
            receiver: self.receiving_account(payment),
            processing_at: Some(moment.now + self.settle_after / 2),
            settled_at: moment.now + self.settle_after,
        });
    }

    /// Does all that time has brought about by `moment`.
    pub(crate) fn settle(&mut self, moment: Moment) {
        let mut under_way = std::mem::take(&mut self.in_flight);
        for payment in &mut under_way {
            if let Some(at) = payment.processing_at.take_if(|at| *at <= moment.now) {
                self.process(payment, moment.wall_at(at));
            }
        }
        let done: Vec<_> = under_way.extract_if(.., |payment| payment.settled_at <= moment.now).collect();
        self.in_flight = under_way;
        for payment in done {
            self.finish(&payment, moment.wall_at(payment.settled_at));
        }
    }

    /// Ends every payment on its way now, and says how many there were.
    pub(crate) fn settle_all(&mut self, moment: Moment) -> usize {
        let all = std::mem::take(&mut self.in_flight);
        for payment in &all {
            self.finish(payment, moment.wall);
        }
        all.len()
    }

    /// A payment from another participant arrives at an account, wherever it is.
    pub(crate) fn receive(&mut self, account_id: &str, amount: Amount, moment: Moment) -> Result<String, ApiError> {
        let holder =
            self.entities().find(|(_, entity)| entity.accounts.find(account_id).is_ok()).map(|(name, _)| name.to_owned());
        let entity = holder.ok_or_else(|| ApiError::not_found("account"))?;
        let sender = outsider(&mut self.next("outsider"));
        self.arrive(&entity, account_id, amount, sender, moment.wall, |_| {})
    }

    fn receiving_account(&self, payment: &Payment) -> Option<(String, String)> {
        let by_number = || {
            self.entities().find_map(|(name, entity)| {
                let account = entity.accounts.iter().find(|account| account.account_number == payment.receiver.account_number)?;
                Some((name.to_owned(), account.id.clone()))
            })
        };
        // A recipient at another participant may have an account of the same number there.
        let here = payment.receiver.participant_name == SPONSOR_BANK.0;
        payment.key.as_ref().and_then(|key| self.account_of(key)).or_else(|| by_number().filter(|_| here))
    }

    fn process(&mut self, payment: &InFlight, at: Timestamp) {
        if let Ok(payment) = self.entity(&payment.entity).payments.find_mut(&payment.payment_id)
            && payment.status == Status::Pending
        {
            (payment.status, payment.updated_at) = (Status::Processing, at);
        }
    }

    fn finish(&mut self, sent: &InFlight, at: Timestamp) {
        let Ok(payment) = self.entity(&sent.entity).payments.find(&sent.payment_id).cloned() else { return };
        let arrived = match &sent.receiver {
            Some((entity, account)) => self.arrive(entity, account, sent.amount, payment.sender.clone(), at, |inbound| {
                inbound.kind = payment.kind;
                inbound.key.clone_from(&payment.key);
                inbound.qr_code_reference.clone_from(&payment.qr_code_reference);
                inbound.end_to_end_identification.clone_from(&payment.end_to_end_identification);
            }),
            None => Ok(String::new()),
        };
        let entity = self.entity(&sent.entity);
        if let Ok(account) = entity.accounts.find_mut(&sent.account_id) {
            match &arrived {
                Ok(_) => account.release(sent.amount, at),
                Err(_) => account.take_back(sent.amount, at),
            }
        }
        if let Ok(payment) = entity.payments.find_mut(&sent.payment_id) {
            match &arrived {
                Ok(_) => (payment.status, payment.updated_at) = (Status::Settled, at),
                Err(_) => payment.reject(Rejection::receiver_unavailable(), at),
            }
        }
        if let (Ok(_), Some(reference)) = (arrived, payment.qr_code_reference) {
            self.mark_paid(&reference, at);
        }
    }

    /// Credits an account and records the payment its owner sees; gives back that payment's id.
    fn arrive(
        &mut self,
        entity: &str,
        account_id: &str,
        amount: Amount,
        sender: Party,
        at: Timestamp,
        complete: impl FnOnce(&mut Payment),
    ) -> Result<String, ApiError> {
        let created_at = self.stamps.record(at);
        let mut random = self.next("payment");
        let entity = self.entity(entity);
        let mut account = entity.accounts.find(account_id)?.clone();
        account.credit(amount, created_at)?;
        let mut payment = Payment {
            id: random.uuid(),
            customer_id: account.customer_id.clone(),
            account_id: account.id.clone(),
            kind: "BREB",
            direction: "INBOUND",
            status: Status::Settled,
            amount,
            key: None,
            qr_code_reference: None,
            description: None,
            reference: random.digits(12),
            end_to_end_identification: random.digits(35),
            sender,
            receiver: entity.party(&account)?,
            error: None,
            created_at,
            updated_at: created_at,
        };
        complete(&mut payment);
        let id = payment.id.clone();
        entity.payments.insert(payment)?;
        *entity.accounts.find_mut(account_id)? = account;
        Ok(id)
    }
}

#[cfg(test)]
mod tests;
