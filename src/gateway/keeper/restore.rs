//! A keeper from what the ledger holds.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tracing::info;

use super::commit::ForLedger;
use super::{Keeper, Parts};
use crate::clock::{Kept, Watch, now_since};
use crate::hazard::Register;
use crate::plant::Batch;
use crate::store::StoreError;
use crate::watch::{Engine, RuleIx};

impl Keeper {
    pub(super) fn restore(parts: Parts, beat: Arc<AtomicBool>) -> Result<Self, StoreError> {
        let start = crate::clock::start();
        let now = now_since(start);
        let (clock, face) = parts.clock;
        let clock = Watch::new(now, clock.require_sync, clock.sync_file, face);
        let reader = parts.ledger.reader()?;
        let mut engine = Engine::new(&parts.plant, now);
        let gone = engine.restore(&reader.alarms()?, now);
        if !gone.is_empty() {
            info!(
                "{} stored alarm states belong to limits no longer in the settings; they stay stored",
                gone.len()
            );
        }
        let timezone = jiff::tz::TimeZone::get(&parts.plant.site.timezone).unwrap_or(jiff::tz::TimeZone::UTC);
        let register = Register::restore(reader.unfinished_hazards()?);
        let rules = engine.rules().iter().zip(0u32..).map(|(r, n)| (r.key.to_string(), RuleIx(n))).collect();
        let mut keeper = Self {
            history: parts.journal.reader()?,
            audit_tail: reader.last_audit()?,
            records: reader,
            seal_at: HashMap::new(),
            plant: parts.plant,
            store: parts.store,
            window: parts.evidence,
            engine,
            register,
            ledger: parts.ledger,
            journal: parts.journal,
            deliveries: parts.deliveries,
            reports: parts.reports,
            commands: parts.commands,
            plants: parts.plants,
            committed: parts.committed,
            changed: parts.changed,
            live: parts.live,
            counters: parts.counters,
            influx_ids: parts.influx_ids,
            ack: parts.ack,
            beat,
            start,
            clock,
            kept: Kept::default(),
            timezone,
            rules,
            batch: Batch::default(),
            for_ledger: ForLedger::default(),
            acks: Vec::new(),
            pushers: Vec::new(),
            cursors: Vec::new(),
            replies: Vec::new(),
            noted: Vec::new(),
            since: None,
            retry_at: None,
        };
        keeper.note(
            now.wall,
            "system",
            "started",
            "gateway",
            concat!("{\"version\":\"", env!("CARGO_PKG_VERSION"), "\"}"),
        );
        for rule in 0..keeper.engine.rules().len() {
            keeper.show_alarm(RuleIx(rule as u32));
        }
        keeper.show_points();
        keeper.commit()?;
        keeper.committed.send_replace(keeper.journal.stats()?.last_seq);
        Ok(keeper)
    }
}
