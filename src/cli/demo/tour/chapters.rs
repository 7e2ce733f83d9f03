//! The chapters, in the order they are told.

use super::guide::Guide;

mod cache;
mod callers;
mod faults;
mod limits;
mod measured;
mod payments;
mod tokens;

/// Tells them all.
pub(super) async fn all(guide: &mut Guide<'_>) {
    let before = guide.metrics().await;
    guide.tell("Nobody calls anonymously", callers::without_a_credential).await;
    guide.tell("A caller may do what its token and its tenant allow", callers::without_the_scope).await;
    guide.tell("A list, from Passport and then from memory", cache::a_list_twice).await;
    guide.tell("Another tenant's memory is its own", cache::the_same_list_of_another_tenant).await;
    guide.tell("Ten callers, one question", cache::a_list_asked_for_by_many).await;
    guide.tell("A new customer, and the lists that know it", cache::a_list_after_a_write).await;
    guide.tell("What Passport would refuse, said at once and in full", faults::every_fault_at_once).await;
    guide.tell("A payment without a key to tell it by", faults::no_idempotency_key).await;
    guide.tell("A payment, from its receiver's key to its settlement", payments::a_payment).await;
    guide.tell("A tenant's limit", limits::a_limit_reached).await;
    guide.tell("Passport's token expires, and no caller notices", tokens::an_expiry).await;
    guide.tell("What the metrics say of all this", async |guide| measured::since(before?, guide).await).await;
}
