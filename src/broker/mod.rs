//! The embedded MQTT broker of small sites: `[broker]`. Devices publish to the gateway itself.
//!
//! The broker is a process of its own, this same program under a hidden command, because no fault of a
//! broker may end or stall the judging of readings. The gateway's side is the `supervisor`: it starts the
//! process, passes it the plan, shows how it stands, and starts it anew when it ends. The process itself
//! is `serve`: `mqtt5` is the broker, behind a `door` of ours that speaks TLS, counts `places`, and lets
//! only packets through that a client may send (`sieve`, with the `grammar` of both versions, the
//! `properties` of version 5 and their `reader`); what the broker says is brought into the client's version
//! (`answers`). The `gatekeeper` checks names, passwords (wrong ones are `slow`), client ids and topics
//! (`rights`), and gives each user its `shares`.
//!
//! What the broker holds is in memory: sessions, queues and kept messages end with its process. Devices
//! publish again what was not acknowledged, and the gateway subscribes anew when it finds no session.

mod answers;
mod door;
mod gatekeeper;
mod grammar;
mod out;
mod places;
mod properties;
mod reader;
mod rights;
mod serve;
mod shares;
mod sieve;
mod slow;
mod supervisor;
mod words;

pub use serve::child;
pub use supervisor::{BrokerStatus, COMMAND, Handle, start};
