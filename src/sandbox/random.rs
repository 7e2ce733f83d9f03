//! Repeatable randomness: a value is a pure function of the seed, of what it is for and of its ordinal.
//!
//! So the fifth customer has the same id in every run, whatever else was created before it. The generator is written out here
//! because its output is a promise: a recorded run must not change with a dependency's version. It protects nothing.

/// An endless stream of pseudo-random values (`SplitMix64`).
pub(crate) struct Stream(u64);

impl Stream {
    /// The stream for the `ordinal`-th thing called `label`.
    pub(crate) fn new(seed: u64, label: &str, ordinal: u64) -> Self {
        // FNV-1a: spreads labels; the generator's own mixing does the rest.
        let label =
            label.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let mut stream = Self(seed ^ label);
        stream.0 = stream.next().wrapping_add(ordinal);
        stream.0 = stream.next();
        stream
    }

    /// A number below `bound`, which is not zero.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// One of `choices`, which are not empty.
    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        let index = self.below(choices.len() as u64);
        choices[usize::try_from(index).expect("an index below a slice's length fits usize")]
    }

    /// `count` decimal digits.
    pub(crate) fn digits(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(b'0' + u8::try_from(self.below(10)).expect("a digit fits a byte"))).collect()
    }

    /// 64 lower-case hexadecimal characters, the form of Passport's opaque tokens.
    pub(crate) fn token(&mut self) -> String {
        format!("{:016x}{:016x}{:016x}{:016x}", self.next(), self.next(), self.next(), self.next())
    }

    /// A UUID of version 4, the form of Passport's ids.
    pub(crate) fn uuid(&mut self) -> String {
        let bits = u128::from(self.next()) << 64 | u128::from(self.next());
        uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid().to_string()
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_label_and_ordinal_give_the_same_values() {
        assert_eq!(Stream::new(7, "token", 3).token(), Stream::new(7, "token", 3).token());
        assert_eq!(Stream::new(7, "customer", 0).uuid(), Stream::new(7, "customer", 0).uuid());
    }

    #[test]
    fn seed_label_and_ordinal_each_change_the_values() {
        let value = |seed, label, ordinal| Stream::new(seed, label, ordinal).uuid();

        let all = [value(1, "customer", 0), value(2, "customer", 0), value(1, "account", 0), value(1, "customer", 1)];

        let distinct: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn tokens_and_ids_have_passports_form() {
        let token = Stream::new(0, "token", 0).token();
        assert!(token.len() == 64 && token.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)));
        assert_eq!(uuid::Uuid::parse_str(&Stream::new(0, "customer", 0).uuid()).unwrap().get_version_num(), 4);
    }
}
