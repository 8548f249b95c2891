//! Sparkplug B: what a host application needs to read edge nodes (Eclipse Sparkplug 3.0.0). Pure.
//!
//! A node introduces itself with a BIRTH that names every metric, and from then on sends changes only,
//! mostly under a number (alias) that the BIRTH gave the metric. So a value means something only
//! within its session, and only if no message in between was lost. [`Host`] keeps that account for
//! the nodes of the settings and promises:
//!
//! - a value is never put under a name that the BIRTH in force did not give it; where a lost message
//!   may have changed the names, the value is uncertain, and the node is asked for a rebirth;
//! - a node or device that died, or that the broker cannot reach, has no good points;
//! - history (`is_historical`) is kept and never judged; a BIRTH's values are the present ones;
//! - memory is bounded, and nothing that comes in makes it panic.
//!
//! | file | idea |
//! |---|---|
//! | `topic` | what a message is and whose |
//! | `wire` | the protobuf payload and its guards |
//! | `value` | one metric → a number or the reason why not |
//! | `structure` | a template's members, a data set's cells |
//! | `members` | these as metrics of their part |
//! | `moment` | when it was taken, whether it may be judged |
//! | `sequence` | what is next, early or there already |
//! | `waiting` | what came too early |
//! | `part` | a node or a device: names, aliases, points |
//! | `slot` | a mapped metric and its points |
//! | `node` | one edge node's session |
//! | `host` | all of them; the way in |
//! | `state` | STATE, for who is a primary host |
//!
//! Called by the MQTT session for every message under `spBv1.0/`.

mod gather;
mod host;
mod members;
mod moment;
mod node;
mod part;
mod sequence;
mod slot;
mod state;
mod structure;
#[cfg(test)]
mod tests;
mod topic;
mod unmapped;
mod value;
mod waiting;
mod wholes;
mod wire;

pub use host::{Host, NodeStatus, Rebirth};
pub use node::Life;
pub use state::{State, state_topic};
pub use topic::{Kind, NAMESPACE, Topic, TopicError};
pub use unmapped::UnmappedMetric;
pub use value::Datatype;
pub use wire::{
    LARGEST, MOST_METRICS, MOST_PROPERTIES, Metric, Payload, Property, PropertySet, PropertyValue, Value,
    parse,
};

/// Aliases remembered over all nodes.
const MOST_ALIASES: usize = 20_000;
/// Messages of one node that may wait for those before them.
const MOST_HELD: usize = 64;

/// Why a message gives no readings; the session adds the topic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SparkplugError {
    /// The topic is no Sparkplug topic.
    #[error(transparent)]
    Topic(#[from] TopicError),
    /// Too long, as it came or opened.
    #[error("{0} bytes, at most {LARGEST} are taken (four times that where compressed)")]
    TooLarge(usize),
    /// Too many metrics in one message.
    #[error("{0} metrics in one message, at most {MOST_METRICS} are taken")]
    TooManyMetrics(usize),
    /// Too many properties of metrics in one message.
    #[error("{0} properties of metrics in one message, at most {MOST_PROPERTIES} are taken")]
    TooManyProperties(usize),
    /// No protobuf, or cut off.
    #[error("not a Sparkplug B payload: {0}")]
    NotProtobuf(String),
    /// Compressed and damaged.
    #[error("the compressed body cannot be opened as zlib or gzip: {0}")]
    NotOpened(String),
    /// Nothing in it.
    #[error("zero bytes: not a Sparkplug payload")]
    Empty,
    /// Of unknown age.
    #[error("retained: Sparkplug messages other than STATE must be published without the retain flag")]
    Retained,
}

/// What happened with an edge node's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// All that came.
    pub messages: u64,
    /// NBIRTHs taken.
    pub births: u64,
    /// Came again, or out of a session before; dropped.
    pub duplicates: u64,
    /// Times that missing messages were given up.
    pub gaps: u64,
    /// Messages dropped because the session that they belong to was not seen to begin, or had ended.
    pub lost: u64,
    /// NDEATHs of another session than the present; ignored.
    pub stale_deaths: u64,
    /// Messages before the BIRTH of their node or device; not understood.
    pub before_birth: u64,
    /// Values under an alias that no BIRTH gave; not guessed.
    pub unknown_aliases: u64,
    /// Aliases given twice in a BIRTH, and values under one.
    pub alias_clashes: u64,
    /// Metrics with neither name nor alias, and BIRTH metrics without a name.
    pub nameless: u64,
    /// Sequence numbers beyond 255.
    pub bad_sequence: u64,
    /// DataSets and Templates that could not be opened: their points are unreadable.
    pub unreadable_structures: u64,
    /// Rebirth requests handed out.
    pub rebirths_asked: u64,
}
