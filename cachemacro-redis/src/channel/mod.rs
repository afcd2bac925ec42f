//! The channel of announcements.

mod announcement;
mod stream;

pub use self::stream::RedisChannel;
