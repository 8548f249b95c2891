//! The date of the next periodic inspection (定期检验) → a point that is 1 when it has passed, and its alarm: equipment in
//! use beyond it is a hazard of its management, which goes to the safety director.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::super::walk::Walk;
use super::detectors::by_default;
use super::plant::PlantBuilder;
use super::relations::OfPoint;
use crate::plant::{
    Derived, EquipmentIx, HazardLevel, How, Id, Limit, LimitKind, Micros, Name, Point, PointIx, Priority,
    ValueType,
};

/// Id of the point.
const POINT: &str = "inspection_overdue";

impl PlantBuilder<'_> {
    /// `inspection = { due = "2027-06-30", in_use = "burner_run" }`. The last day is the due one.
    pub(super) fn inspection(
        &mut self,
        equipment: EquipmentIx,
        owner: &str,
        w: &Walk<'_>,
        own: &mut Vec<PointIx>,
    ) {
        let Some(w) = w.table("inspection") else { return };
        let due = w.need("due", "\"2027-06-30\"").and_then(|text| {
            let begins = next_day(text, &self.timezone);
            if begins.is_none() {
                w.fault(
                    "due",
                    format!("`{text}` is not a date"),
                    "year, month and day: due = \"2027-06-30\"",
                );
            }
            begins
        });
        let in_use = w.text("in_use").map(str::to_owned);
        w.finish();
        let (Some(at), Ok(id)) = (due, Id::new(POINT)) else { return };
        if own.iter().any(|o| self.points[o.0 as usize].id == id) {
            w.fault("", format!("there is a point `{POINT}` already"), "call that one by another id");
            return;
        }
        let Some(device) = self.calculator(equipment, owner) else { return };
        let ix = PointIx(self.points.len() as u32);
        own.push(ix);
        self.devices[device.0 as usize].points.push(ix);
        let limit = Limit { escalate: true, ..by_default(Priority::High, Some(HazardLevel::General)) };
        self.points.push(Point {
            id,
            name: Name { zh: "定期检验超期".to_owned(), en: "Inspection overdue".to_owned() },
            equipment,
            device,
            unit: "bool".to_owned(),
            range: None,
            value_type: ValueType::Bool,
            decimals: 0,
            labels: Vec::new(),
            limits: vec![limit],
            doubts: None,
            voted: [false; 2],
            no_data: None,
        });
        if let Some(point) = in_use {
            let mut relations: OfPoint<'_> = self.relations.of(ix);
            relations.only_while(LimitKind::State, point);
        }
        self.due.push(Derived { points: vec![ix], device, how: How::After(at) });
    }
}

/// The instant at which the day after `date` begins.
fn next_day(date: &str, timezone: &str) -> Option<Micros> {
    let date: Date = date.parse().ok()?;
    let next = date.tomorrow().ok()?;
    let begins = next.to_zoned(crate::plant::zone(timezone).unwrap_or(TimeZone::UTC)).ok()?;
    Some(Micros(begins.timestamp().as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::next_day;

    #[test]
    fn the_last_day_is_whole_in_the_time_of_the_site() {
        let begins = |date| next_day(date, "Asia/Shanghai").map(|at| at.rfc3339());
        assert_eq!(begins("2026-12-01").as_deref(), Some("2026-12-01T16:00:00.000000Z"));
        assert_eq!(begins("2026-02-30"), None);
        assert_eq!(begins("soon"), None);
    }
}
