//! The channel of announcements.

mod announcement;
mod stream;

pub(crate) use self::announcement::parse;
pub use self::stream::RedisChannel;
