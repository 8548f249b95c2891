//! What the embedded broker counts: told by its process, shown by the console.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What the embedded broker counted: its process since its start, and what is shown since the gateway's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Counts {
    /// Clients that are connected now.
    pub clients: u64,
    /// Messages kept for new subscribers now.
    pub retained: u64,
    /// Connections that were accepted with a CONNACK.
    pub connects: u64,
    /// Messages that came in.
    pub messages: u64,
    /// Messages dropped because a client's queue was full.
    pub dropped: u64,
    /// Connections refused for a wrong name or password.
    pub wrong_passwords: u64,
    /// Publications, subscriptions, wills and client ids refused for want of a right.
    pub refused: u64,
    /// Connections, kept sessions and kept messages beyond their user's share.
    pub over_share: u64,
    /// Connections closed for bytes that a client may not send.
    pub malformed: u64,
    /// Connections turned away for want of room.
    pub turned_away: u64,
}

impl Counts {
    /// What was counted over two lives; states are those of the later one.
    #[must_use]
    pub fn after(self, earlier: Self) -> Self {
        Self {
            clients: self.clients,
            retained: self.retained,
            connects: self.connects + earlier.connects,
            messages: self.messages + earlier.messages,
            dropped: self.dropped + earlier.dropped,
            wrong_passwords: self.wrong_passwords + earlier.wrong_passwords,
            refused: self.refused + earlier.refused,
            over_share: self.over_share + earlier.over_share,
            malformed: self.malformed + earlier.malformed,
            turned_away: self.turned_away + earlier.turned_away,
        }
    }
}
