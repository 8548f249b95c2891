//! The field's frame traces, as the console asks for them.

use std::time::Duration;

use crate::console::{TracePort, TraceView};
use crate::field::modbus::Trace;

/// From a source's id to its trace.
pub(super) struct Traces<F>(pub(super) F);

impl<F: Fn(&str) -> Option<Trace> + Send + Sync> TracePort for Traces<F> {
    fn state(&self, source: &str) -> Option<TraceView> {
        let trace = (self.0)(source)?;
        // Rounded up: as long as it is on there is time left.
        let left = trace.remaining().map(|d| d.as_millis().div_ceil(1000) as u64);
        Some(TraceView { on: trace.is_on(), unit: trace.unit(), seconds_left: left, frames: trace.frames() })
    }

    fn start(&self, source: &str, unit: Option<u8>, long: Duration) -> bool {
        let Some(trace) = (self.0)(source) else { return false };
        trace.start_for(unit, long);
        true
    }

    fn stop(&self, source: &str) {
        if let Some(trace) = (self.0)(source) {
            trace.stop();
        }
    }

    fn pcap(&self, source: &str) -> Option<Vec<u8>> {
        Some((self.0)(source)?.pcap())
    }
}
