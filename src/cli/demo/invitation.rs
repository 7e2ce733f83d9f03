//! What `demo` prints: where everything is, who may call, and lines to paste.

use super::callers::{Caller, LIFETIME};
use super::ensemble::Venue;
use crate::cli::{Exit, say};

/// A customer whom nobody has yet.
const CUSTOMER: &str = r#"{"type":"BUSINESS","business_name":"Café de la Esquina SAS","email":"hola@cafe.example","mobile_phone_number":"+573001234567","identification_type":"NIT","identification_number":"900123456"}"#;

/// Invites to try the gateway.
pub(super) fn extend(venue: &Venue) -> Exit {
    say(places(venue));
    say(credentials(venue));
    say(lines(venue));
    Exit::Done
}

fn places(venue: &Venue) -> String {
    let Venue { gateway, admin, sandbox, issuer, configuration, .. } = venue;
    let moved = if gateway.ends_with(":8080") { "" } else { " (8080 is in use)" };
    let configuration = configuration.display();
    format!(
        "The gateway runs, with all it needs, on this machine alone. Ctrl-C ends it.

  gateway   {gateway}   what an application calls instead of Passport{moved}
  admin     {admin}   /metrics, /status, /readyz
  sandbox   {sandbox}   plays Passport
  issuer    {issuer}   plays your identity provider

  Its configuration is a file like yours would be; read it, or let `check` explain it:
  {configuration}
"
    )
}

fn credentials(venue: &Venue) -> String {
    let callers = &venue.callers;
    let hours = LIFETIME.as_secs() / 3600;
    let [acme, reports, job] = [&callers.acme, &callers.reports, &callers.job].map(|caller| caller.credential.expose());
    format!(
        "Credentials, made a moment ago; the tokens are valid for {hours} hours. Each is also in a file, as the
header field that `curl -H @FILE` sends.

  A token of the tenant acme, which may do everything:
{acme}

  A token of the tenant reports, which may read three lists, seldom:
{reports}

  An API key of the tenant acme, which may list payments:
{job}
"
    )
}

fn lines(venue: &Venue) -> String {
    let Venue { gateway, admin, callers, .. } = venue;
    let curl = |caller: &Caller| format!("curl -i -H '@{}'", caller.file.display());
    let (acme, reports, job) = (curl(&callers.acme), curl(&callers.reports), curl(&callers.job));
    format!(
        "Lines to paste:

# A list. Again within 30 seconds: `Cache-Status` says that Passport was not asked.
{acme} '{gateway}/v1/customers?page_params.page_size=2'

# A new customer; the list above is forgotten.
{acme} -H 'Content-Type: application/json' -d '{CUSTOMER}' {gateway}/v1/customers

# Two faults, both told at once.
{acme} '{gateway}/v1/customers?order_params.order_direction=UP&page_params.first_request_timestamp.nanos=-1'

# Not for this tenant.
{reports} {gateway}/v1/recipients

# Paste it four times: a limit.
{reports} {gateway}/v1/accounts

# By API key.
{job} '{gateway}/v1/payments?page_params.page_size=1'

# Nobody.
curl -i {gateway}/v1/payments

# What the gateway says about itself.
curl {admin}/status
curl {admin}/metrics

`passport-gateway demo --tour` makes such calls itself and tells why each is answered as it is."
    )
}
