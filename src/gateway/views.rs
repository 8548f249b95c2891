//! What the field tells of its sources, in the console's words. The rooms may not know each other, so their
//! shapes meet here.

use crate::console::{DeviceView, EdgeDeviceView, EdgeNodeView, MqttView, PushView, SourceView, UnknownView};
use crate::field::mqtt::{EdgeNode, MqttStatus, Unknown};
use crate::field::push::PushStatus;
use crate::field::{DeviceStatus, SourceStatus};
use crate::plant::Micros;

/// The embedded broker as the data path shows it.
#[cfg(feature = "broker")]
pub(super) fn broker(status: &std::sync::Mutex<crate::broker::BrokerStatus>) -> crate::console::BrokerView {
    let status = status.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
    let micros = |at: std::time::SystemTime| {
        let since = at.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    };
    crate::console::BrokerView {
        address: status.address,
        running: status.running,
        ended: status.ended,
        last_error: status.last_error,
        last_error_at: status.last_error_at.map(|at| micros(at).rfc3339()),
        counts: status.counts,
    }
}

/// A source as the data path shows it.
pub(super) fn source(status: SourceStatus) -> SourceView {
    let line = status.line;
    SourceView {
        id: status.id,
        kind: status.kind,
        connected: status.connected,
        last_error: match status.stranger.filter(|_| !status.connected) {
            Some(said) => {
                let error = status.last_error.unwrap_or_default();
                Some(format!("{error}; a caller whose registration is nobody's said {said}"))
            }
            None => status.last_error,
        },
        requests: status.requests,
        errors: status.errors,
        round_trip_us: status.round_trip_us,
        sent_bytes: line.sent_bytes,
        received_bytes: line.received_bytes,
        connects: line.connects,
        late_answers: line.late,
        foreign_answers: line.foreign,
        doubled_answers: line.doubled,
        crc_errors: line.crc_errors,
        junk_bytes: line.junk_bytes,
        other_master: line.other_master,
        devices: status.devices.into_iter().map(device).collect(),
        mqtt: status.mqtt.map(|m| mqtt(*m)),
        push: status.push.map(|p| push(*p)),
    }
}

fn device(device: DeviceStatus) -> DeviceView {
    let micros = |share| device.round_trips.quantile(share).map(|d| d.as_micros() as u64);
    DeviceView {
        unit: device.unit,
        state: device.state.word(),
        last_error_at: device.last_error_at.map(Micros::rfc3339),
        requests: device.requests,
        failures: device.failures,
        polls: device.polls,
        good_polls: device.good_polls,
        missed_polls: device.missed,
        success: (device.polls > 0).then(|| device.good_polls as f64 / device.polls as f64),
        round_trip_p50_us: micros(0.5),
        round_trip_p99_us: micros(0.99),
        refused: device.refused,
        refused_texts: device.refused_texts,
        learnt: device.learnt,
        label: device.label,
        last_error: device.last_error,
    }
}

fn unknown(u: Unknown) -> UnknownView {
    UnknownView { topic: u.topic, device: u.device, point: u.point, example: u.example }
}

fn mqtt(status: MqttStatus) -> MqttView {
    MqttView {
        unknown: status.unknown.into_iter().map(unknown).collect(),
        unknown_more: status.unknown_more,
        retained: status.retained,
        duplicates: status.duplicates,
        expired: status.expired,
        ignored: status.ignored,
        set_aside: status.set_aside,
        repaired: status.repaired,
        bad_times: status.bad_times,
        queued: status.queued,
        offline: status.offline,
        unacknowledged: status.unacknowledged,
        sessions_lost: status.sessions_lost,
        session_lost_at: status.session_lost_at.map(Micros::rfc3339),
        broker_dropped: status.broker_dropped,
        nodes: status.nodes.into_iter().map(node).collect(),
    }
}

fn node(node: EdgeNode) -> EdgeNodeView {
    let devices = node.devices.into_iter().map(|(device, online)| EdgeDeviceView { device, online });
    EdgeNodeView {
        group: node.group,
        node: node.node,
        state: node.life.word(),
        devices: devices.collect(),
        last_birth_at: node.last_birth.map(Micros::rfc3339),
        messages: node.counters.messages,
        births: node.counters.births,
        gaps: node.counters.gaps,
        lost: node.counters.lost,
        duplicates: node.counters.duplicates,
        unreadable_structures: node.counters.unreadable_structures,
        rebirths_asked: node.counters.rebirths_asked,
        wants_rebirth: node.wants_rebirth,
    }
}

fn push(status: PushStatus) -> PushView {
    PushView {
        unknown: status.unknown.into_iter().map(unknown).collect(),
        unknown_more: status.unknown_more,
        duplicates: status.duplicates,
        rejected: status.rejected,
    }
}
