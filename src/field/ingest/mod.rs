//! What MQTT and push share between a message and its samples: payloads and times as senders write them, what is stale,
//! late or a second copy, whose clock is off, and which names nobody configured. Pure but for the monotonic clock that
//! callers pass in.

pub mod civil;
pub(super) mod device_clock;
pub(super) mod duplicates;
pub mod payload;
pub(super) mod staleness;
pub(super) mod unmapped;
