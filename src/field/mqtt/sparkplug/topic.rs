//! Sparkplug topic names (Sparkplug 3.0, chapter 4): what a message is and whose.

/// First level of every topic.
pub const NAMESPACE: &str = "spBv1.0";

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An edge node begins; all its metrics.
    NodeBirth,
    /// Metrics of the edge node that changed.
    NodeData,
    /// The edge node is gone.
    NodeDeath,
    /// To an edge node.
    NodeCommand,
    /// A device behind an edge node begins; all its metrics.
    DeviceBirth,
    /// Metrics of the device that changed.
    DeviceData,
    /// The device is gone.
    DeviceDeath,
    /// To a device.
    DeviceCommand,
}

/// A topic, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic<'a> {
    /// `spBv1.0/{group}/{type}/{node}[/{device}]`; a device exactly for the `D…` types.
    Node {
        /// Group id.
        group: &'a str,
        /// What it is.
        kind: Kind,
        /// Edge node id, unique within its group.
        node: &'a str,
        /// Device id, unique within its node.
        device: Option<&'a str>,
    },
    /// `spBv1.0/STATE/{host}`: whether a host application is there.
    State {
        /// Host id.
        host: &'a str,
    },
}

/// Why a text is no Sparkplug topic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// Another first level.
    #[error("a Sparkplug B topic begins with `{NAMESPACE}/`, this one with `{0}`")]
    Namespace(String),
    /// An unknown third level.
    #[error(
        "`{0}` is not a message type: NBIRTH, NDATA, NDEATH, NCMD, DBIRTH, DDATA, DDEATH and DCMD are, as the \
         third level"
    )]
    Kind(String),
    /// A level is empty or missing.
    #[error("the {0} is missing: `{NAMESPACE}/group/NDATA/node` or `{NAMESPACE}/group/DDATA/node/device`")]
    Missing(&'static str),
    /// More levels than the type has.
    #[error("too many levels from `{0}` on: ids hold no `/`, and N… messages name no device")]
    TooLong(String),
}

impl<'a> Topic<'a> {
    /// Takes `topic` apart.
    ///
    /// # Errors
    /// [`TopicError`] says which level is wrong.
    pub fn parse(topic: &'a str) -> Result<Self, TopicError> {
        let mut levels = topic.splitn(6, '/');
        let mut next = |what| levels.next().filter(|l| !l.is_empty()).ok_or(TopicError::Missing(what));
        let namespace = next("namespace")?;
        if namespace != NAMESPACE {
            return Err(TopicError::Namespace(namespace.to_owned()));
        }
        let group = next("group id")?;
        let second = next(if group == "STATE" { "host id" } else { "message type" })?;
        // A host may be called like a message type; a group must not be called STATE.
        if group == "STATE" {
            return match levels.next() {
                None => Ok(Self::State { host: second }),
                Some(rest) => Err(TopicError::TooLong(rest.to_owned())),
            };
        }
        let (kind, of_device) = match second {
            "NBIRTH" => (Kind::NodeBirth, false),
            "NDATA" => (Kind::NodeData, false),
            "NDEATH" => (Kind::NodeDeath, false),
            "NCMD" => (Kind::NodeCommand, false),
            "DBIRTH" => (Kind::DeviceBirth, true),
            "DDATA" => (Kind::DeviceData, true),
            "DDEATH" => (Kind::DeviceDeath, true),
            "DCMD" => (Kind::DeviceCommand, true),
            other => return Err(TopicError::Kind(other.to_owned())),
        };
        let node = next("edge node id")?;
        let device = if of_device { Some(next("device id")?) } else { None };
        match levels.next() {
            None => Ok(Self::Node { group, kind, node, device }),
            Some(rest) => Err(TopicError::TooLong(rest.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Kind, Topic, TopicError};

    #[test]
    fn a_topic_says_what_a_message_is_and_whose() {
        let node = |kind, device| Ok(Topic::Node { group: "G 1", kind, node: "锅炉房", device });
        assert_eq!(Topic::parse("spBv1.0/G 1/NBIRTH/锅炉房"), node(Kind::NodeBirth, None));
        assert_eq!(Topic::parse("spBv1.0/G 1/NDEATH/锅炉房"), node(Kind::NodeDeath, None));
        assert_eq!(Topic::parse("spBv1.0/G 1/DDATA/锅炉房/b1"), node(Kind::DeviceData, Some("b1")));
        assert_eq!(Topic::parse("spBv1.0/STATE/NDATA"), Ok(Topic::State { host: "NDATA" }));
    }

    #[test]
    fn a_wrong_topic_is_told_by_the_level_that_is_wrong() {
        for (topic, error) in [
            ("spAv1.0/g/NDATA/n", TopicError::Namespace("spAv1.0".to_owned())),
            ("spBv1.0", TopicError::Missing("group id")),
            ("spBv1.0/STATE", TopicError::Missing("host id")),
            ("spBv1.0/g", TopicError::Missing("message type")),
            ("spBv1.0/g/ndata/n", TopicError::Kind("ndata".to_owned())),
            ("spBv1.0/g/NDATA", TopicError::Missing("edge node id")),
            ("spBv1.0/g/DDATA/n/", TopicError::Missing("device id")),
            ("spBv1.0/g/NDATA/n/d", TopicError::TooLong("d".to_owned())),
            ("spBv1.0/g/DDATA/n/d/x/y", TopicError::TooLong("x/y".to_owned())),
            ("spBv1.0/STATE/h/x", TopicError::TooLong("x".to_owned())),
        ] {
            assert_eq!(Topic::parse(topic), Err(error), "{topic}");
        }
    }

    proptest! {
        #[test]
        fn no_topic_makes_it_panic(topic in "(spBv1\\.0/)?[a-zA-Z/]{0,40}") {
            let _ = Topic::parse(&topic);
        }
    }
}
