//! One side of a payment: who, and with which account at which participant.

use serde::Serialize;

/// A sender or receiver, as payments and resolutions describe it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Party {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) identification_type: String,
    pub(crate) identification_number: String,
    pub(crate) account_type: String,
    pub(crate) account_number: String,
    pub(crate) participant_name: String,
    pub(crate) participant_identification_number: String,
}

/// The name of the participant at which the sandbox's own accounts are held.
pub(crate) const SPONSOR_BANK: (&str, &str) = ("Banco Patrocinador de Pruebas", "900000001");

/// The name of another participant.
pub(crate) const OTHER_BANK: (&str, &str) = ("Banco Ajeno de Pruebas", "900000002");
