//! Between the library's two sets of types and ours.

use rumqttc::{Outgoing, v5};

use super::{Incoming, Message, Packet};
use crate::settings::Qos;

pub(super) fn qos_v3(qos: Qos) -> rumqttc::QoS {
    match qos {
        Qos::AtMostOnce => rumqttc::QoS::AtMostOnce,
        Qos::AtLeastOnce => rumqttc::QoS::AtLeastOnce,
        Qos::ExactlyOnce => rumqttc::QoS::ExactlyOnce,
    }
}

pub(super) fn qos_v5(qos: Qos) -> v5::mqttbytes::QoS {
    match qos {
        Qos::AtMostOnce => v5::mqttbytes::QoS::AtMostOnce,
        Qos::AtLeastOnce => v5::mqttbytes::QoS::AtLeastOnce,
        Qos::ExactlyOnce => v5::mqttbytes::QoS::ExactlyOnce,
    }
}

/// The error with its causes: the outermost alone often says only `I/O`.
pub(super) fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let more = inner.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = inner.source();
    }
    text
}

pub(super) fn from_v3(event: rumqttc::Event) -> Incoming {
    use rumqttc::{Event, Packet as P, QoS, SubscribeReasonCode};
    match event {
        Event::Incoming(P::ConnAck(ack)) => {
            Incoming::Connected { session_present: ack.session_present, kept_for: None }
        }
        // What waits for its acknowledgement is its number, not its payload: that would fill the memory.
        Event::Incoming(P::Publish(mut publish)) => Incoming::Message(Message {
            topic: std::mem::take(&mut publish.topic),
            payload: std::mem::take(&mut publish.payload),
            retained: publish.retain,
            again: publish.dup,
            expired: false,
            id: publish.pkid,
            exactly_once: publish.qos == QoS::ExactlyOnce,
            packet: Packet::V3(publish),
        }),
        Event::Incoming(P::PubRel(release)) => Incoming::Released(release.pkid),
        Event::Incoming(P::SubAck(ack)) => {
            let answer = |code: &SubscribeReasonCode| match code {
                SubscribeReasonCode::Success(qos) => Ok(*qos as u8),
                SubscribeReasonCode::Failure => Err("refused; check the broker's access rules".to_owned()),
            };
            Incoming::Answered(ack.pkid, ack.return_codes.iter().map(answer).collect())
        }
        Event::Incoming(P::UnsubAck(ack)) => Incoming::Gone(ack.pkid),
        Event::Outgoing(Outgoing::Subscribe(id) | Outgoing::Unsubscribe(id)) => Incoming::Asked(id),
        Event::Outgoing(Outgoing::PubAck(_) | Outgoing::PubRec(_)) => Incoming::Acknowledged,
        _ => Incoming::Other,
    }
}

pub(super) fn from_v5(event: v5::Event) -> Incoming {
    use v5::Event;
    use v5::mqttbytes::QoS;
    use v5::mqttbytes::v5::{Packet as P, SubscribeReasonCode};
    match event {
        Event::Incoming(P::ConnAck(ack)) => Incoming::Connected {
            session_present: ack.session_present,
            kept_for: ack.properties.as_ref().and_then(|p| p.session_expiry_interval),
        },
        Event::Incoming(P::Publish(mut publish)) => Incoming::Message(Message {
            topic: String::from_utf8_lossy(&std::mem::take(&mut publish.topic)).into_owned(),
            payload: std::mem::take(&mut publish.payload),
            retained: publish.retain,
            again: publish.dup,
            // The broker counts the interval down while it keeps a message (MQTT 5.0, 3.3.2.3.3).
            expired: publish.properties.as_ref().and_then(|p| p.message_expiry_interval) == Some(0),
            id: publish.pkid,
            exactly_once: publish.qos == QoS::ExactlyOnce,
            packet: Packet::V5(publish),
        }),
        Event::Incoming(P::PubRel(release)) => Incoming::Released(release.pkid),
        Event::Incoming(P::SubAck(ack)) => {
            let reason = ack.properties.as_ref().and_then(|p| p.reason_string.clone());
            let answer = |code: &SubscribeReasonCode| match code {
                SubscribeReasonCode::Success(qos) => Ok(*qos as u8),
                other => Err(match &reason {
                    Some(reason) => format!("{other:?}, {reason}"),
                    None => format!("{other:?}"),
                }),
            };
            Incoming::Answered(ack.pkid, ack.return_codes.iter().map(answer).collect())
        }
        Event::Incoming(P::UnsubAck(ack)) => Incoming::Gone(ack.pkid),
        Event::Outgoing(Outgoing::Subscribe(id) | Outgoing::Unsubscribe(id)) => Incoming::Asked(id),
        Event::Outgoing(Outgoing::PubAck(_) | Outgoing::PubRec(_)) => Incoming::Acknowledged,
        _ => Incoming::Other,
    }
}
