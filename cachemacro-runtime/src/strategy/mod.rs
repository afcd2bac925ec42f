//! The strategy.
/// x
pub struct Strategy;
/// x
pub fn strategy() -> Strategy { Strategy }
