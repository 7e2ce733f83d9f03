//! Priority by reserve, not by queue: who matters less leaves a part of the burst to who matters more.

/// How much a request matters where a budget is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// Leaves 30 % of the burst to the others.
    Low,
    /// Leaves 10 %.
    Middle,
    /// May use all of it.
    High,
}

impl Priority {
    /// Every one of them, in their order.
    pub const ALL: [Self; 3] = [Self::Low, Self::Middle, Self::High];

    /// Requests of the burst that must be left after one of this priority.
    #[must_use]
    pub fn reserve(self, burst: u32) -> u32 {
        let percent = match self {
            Self::Low => 30,
            Self::Middle => 10,
            Self::High => 0,
        };
        u32::try_from(u64::from(burst) * percent / 100).unwrap_or(u32::MAX)
    }
}
