//! Amounts of Colombian pesos: exact decimals, never a float.

use std::fmt;
use std::str::FromStr;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

/// An amount in hundredths of a peso; written as a decimal string, exact beyond 2^53.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Amount(u128);

/// Keeps any sum of amounts the sandbox can hold far from overflow.
const MOST_DIGITS: usize = 30;

impl Amount {
    /// Whole pesos.
    pub(crate) const fn pesos(pesos: u64) -> Self {
        Self(pesos as u128 * 100)
    }

    /// Whether nothing is left.
    pub(crate) const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum, if it can be represented.
    pub(crate) fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, if it is not negative.
    pub(crate) fn minus(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }
}

/// A text that is no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an amount is a decimal string with at most {MOST_DIGITS} digits and two decimals")]
pub struct AmountError;

impl FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
        let digits = |part: &str, most: usize| !part.is_empty() && part.len() <= most && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole, MOST_DIGITS) || !fraction.is_none_or(|fraction| digits(fraction, 2)) {
            return Err(AmountError);
        }
        format!("{whole}{:0<2}", fraction.unwrap_or_default()).parse().map(Self).map_err(|_| AmountError)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 100, self.0 % 100) {
            (pesos, 0) => write!(f, "{pesos}"),
            (pesos, hundredths) => write!(f, "{pesos}.{hundredths:02}"),
        }
    }
}

impl Serialize for Amount {
    /// As Passport writes money: `{"value": "…", "currency": "COP"}`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut money = serializer.serialize_struct("Amount", 2)?;
        money.serialize_field("value", &self.to_string())?;
        money.serialize_field("currency", "COP")?;
        money.end()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn amount(text: &str) -> Amount {
        text.parse().unwrap()
    }

    #[test]
    fn an_amount_beyond_2_to_the_53_stays_exact() {
        let balance = amount("90000000000000000");
        assert_eq!(balance.minus(amount("0.01")).unwrap().to_string(), "89999999999999999.99");
        assert_eq!(serde_json::to_string(&balance).unwrap(), r#"{"value":"90000000000000000","currency":"COP"}"#);
    }

    #[test]
    fn what_is_no_plain_decimal_is_no_amount() {
        for text in ["", ".", "1.", ".5", "-1", "+1", "1e3", "1.005", "1,000", " 1", "٣", "1234567890123456789012345678901"] {
            assert_eq!(text.parse::<Amount>(), Err(AmountError), "{text:?}");
        }
    }

    #[test]
    fn an_amount_never_becomes_negative() {
        assert_eq!(amount("1").minus(amount("1.01")), None);
    }

    proptest! {
        #[test]
        fn an_amount_survives_being_written_and_read(pesos in any::<u64>(), hundredths in 0_u128..100) {
            let amount = Amount(u128::from(pesos) * 100 + hundredths);
            prop_assert_eq!(amount.to_string().parse::<Amount>(), Ok(amount));
        }

        #[test]
        fn what_is_added_can_be_taken_away(a in any::<u64>(), b in any::<u64>()) {
            let sum = Amount::pesos(a).plus(Amount::pesos(b)).unwrap();
            prop_assert_eq!(sum.minus(Amount::pesos(b)), Some(Amount::pesos(a)));
        }
    }
}
