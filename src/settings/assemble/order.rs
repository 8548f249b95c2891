//! Whether the limits of one point make sense together, in every hour of their schedules: their order, the range, and that
//! each alarm can clear.

use super::super::profile::{DAYS, Part};
use super::super::walk::Walk;
use super::plant::PlantBuilder;
use crate::plant::schedule::setpoint;
use crate::plant::{Limit, LimitKind, Point, PointIx};

const DAY_MIN: u32 = 1440;
const WEEK_MIN: u32 = 7 * DAY_MIN;

/// A minute of the week, from Monday; `None`: the usual setpoints.
type Hour = Option<u32>;

fn at(limit: &Limit, hour: Hour) -> f64 {
    let Some(minute) = hour else { return limit.at };
    setpoint(&limit.schedule, limit.at, (minute / DAY_MIN) as u8, (minute % DAY_MIN) as u16)
}

/// The usual setpoints, and every minute at which one of them changes.
fn hours(point: &Point) -> Vec<Hour> {
    let mut minutes = Vec::new();
    for slot in point.limits.iter().flat_map(|l| &l.schedule) {
        for day in (0..7u32).filter(|d| slot.days & 1 << d != 0) {
            let begins = day * DAY_MIN + u32::from(slot.from_min);
            minutes.push(begins % WEEK_MIN);
            minutes.push((begins + u32::from(slot.lasts_min)) % WEEK_MIN);
        }
    }
    minutes.sort_unstable();
    minutes.dedup();
    std::iter::once(None).chain(minutes.into_iter().map(Some)).collect()
}

/// ` on tue at 22:15`
fn when(hour: Hour) -> String {
    hour.map_or_else(String::new, |m| {
        let (day, minute) = (DAYS[(m / DAY_MIN) as usize % 7], m % DAY_MIN);
        format!(" on {day} at {:02}:{:02}", minute / 60, minute % 60)
    })
}

fn is_low(limit: &Limit) -> bool {
    matches!(limit.kind, LimitKind::L | LimitKind::LL)
}

fn is_high(limit: &Limit) -> bool {
    matches!(limit.kind, LimitKind::H | LimitKind::HH)
}

impl PlantBuilder<'_> {
    /// Tells the first hour in which the limits of `ix` contradict each other, the range or themselves.
    pub(super) fn order(&self, ix: PointIx, w: &Walk<'_>) {
        let point = &self.points[ix.0 as usize];
        for hour in hours(point) {
            let fine = self.rises(ix, hour, w) & self.clears(ix, hour, w);
            if !fine {
                return;
            }
        }
    }

    /// range low <= ll < l < h < hh <= range high
    fn rises(&self, ix: PointIx, hour: Hour, w: &Walk<'_>) -> bool {
        let point = &self.points[ix.0 as usize];
        let mut ladder: Vec<(&str, f64, Option<LimitKind>)> = Vec::new();
        if let Some((low, _)) = point.range {
            ladder.push(("range low", low, None));
        }
        for limit in point.limits.iter().filter(|l| l.kind != LimitKind::State) {
            ladder.push((limit.kind.key(), at(limit, hour), Some(limit.kind)));
        }
        if let Some((_, high)) = point.range {
            ladder.push(("range high", high, None));
        }
        let mut fine = true;
        for pair in ladder.windows(2) {
            let edge = pair[0].2.is_none() || pair[1].2.is_none();
            if pair[0].1 > pair[1].1 || (!edge && pair[0].1 >= pair[1].1) {
                fine = false;
                let parts: Vec<_> = pair.iter().filter_map(|p| Some((p.2?, Part::At))).collect();
                let [below, above] = [pair[0], pair[1]].map(|(key, at, kind)| {
                    format!("{key} = {at}{}", kind.map_or("", |kind| self.whose(point, kind, at)))
                });
                let problem = format!("{below} is not below {above}{}", when(hour));
                let remedy = "the order is range low <= ll < l < h < hh <= range high";
                self.at_limits(w, ix, &parts, problem, remedy);
            }
        }
        fine
    }

    /// Each alarm clears somewhere within the range, and there is a value at which all are clear.
    fn clears(&self, ix: PointIx, hour: Hour, w: &Walk<'_>) -> bool {
        let point = &self.points[ix.0 as usize];
        let mut fine = true;
        let mut fault = |limit: &Limit, problem: String| {
            fine = false;
            let remedy = "make the deadband smaller";
            match self.relations.written(ix, &[(limit.kind, Part::Deadband)]) {
                Some(written) => w.fault_at(written, problem, remedy),
                None => {
                    w.fault(&format!("limits.{}.{}.deadband", point.id, limit.kind.key()), problem, remedy);
                }
            }
        };
        let clear_at = |limit: &Limit| {
            if is_low(limit) { at(limit, hour) + limit.deadband } else { at(limit, hour) - limit.deadband }
        };
        if let Some((low, high)) = point.range {
            for limit in &point.limits {
                let clears = match limit.kind {
                    LimitKind::H | LimitKind::HH => clear_at(limit) >= low,
                    LimitKind::L | LimitKind::LL => clear_at(limit) <= high,
                    LimitKind::State | LimitKind::NoData => true,
                };
                if !clears {
                    fault(
                        limit,
                        format!(
                            "with a deadband of {} the alarm could never clear within the range{}",
                            limit.deadband,
                            when(hour)
                        ),
                    );
                }
            }
        }
        let lowest =
            point.limits.iter().filter(|l| is_low(l)).max_by(|a, b| clear_at(a).total_cmp(&clear_at(b)));
        let highest =
            point.limits.iter().filter(|l| is_high(l)).min_by(|a, b| clear_at(a).total_cmp(&clear_at(b)));
        if let (Some(low), Some(high)) = (lowest, highest) {
            let overlap = low.deadband > 0.0 || high.deadband > 0.0;
            if overlap && at(low, hour) < at(high, hour) && clear_at(low) >= clear_at(high) {
                fault(
                    low,
                    format!(
                        "the deadbands of {} and {} overlap{}: {} clears above {}, {} below {}, and between them both would stand for ever",
                        low.kind.key(),
                        high.kind.key(),
                        when(hour),
                        low.kind.key(),
                        clear_at(low),
                        high.kind.key(),
                        clear_at(high)
                    ),
                );
            }
        }
        fine
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::load_texts;

    /// What is said about one boiler point with these limits; range 0 to 2.5.
    fn faults(limits: &str) -> String {
        let settings = format!(
            "[site]\nid = \"n\"\n[[source.modbus]]\nid = \"s\"\naddress = \"tcp://192.0.2.1\"\n\
             [[equipment]]\nid = \"b\"\nkind = \"k\"\nprofile = \"p\"\nsource = \"s\"\nunit = 1\n\
             [equipment.limits.x]\n{limits}\n"
        );
        let profile = "[[point]]\nid = \"x\"\nunit = \"MPa\"\naddress = 40001\nrange = [0, 2.5]\n";
        match load_texts(&[("t.toml", &settings)], &[("p.toml", profile)], &[]) {
            Ok(_) => String::new(),
            Err(faults) => faults.to_string(),
        }
    }

    #[test]
    fn a_schedule_is_held_to_the_order_and_the_range_in_every_hour() {
        let night = |at: f64| {
            format!(
                "h = {{ at = 1.2, schedule = [{{ days = [\"tue\"], from = \"22:15\", to = \"06:00\", at = {at} }}] }}\n\
                 hh = {{ at = 1.4 }}"
            )
        };
        assert_eq!(faults(&night(1.0)), "");
        let above = faults(&night(1.5));
        assert!(above.contains("h = 1.5 is not below hh = 1.4 on tue at 22:15"), "{above}");
        assert_eq!(above.matches("is not below").count(), 1, "told once: {above}");
        let outside = faults("h = { at = 1.2, schedule = [{ from = \"00:00\", to = \"01:00\", at = 99 }] }");
        assert!(outside.contains("h = 99 is not below range high = 2.5 on mon at 00:00"), "{outside}");
        // Two schedules that contradict each other only where they overlap.
        let both = faults(
            "h = { at = 1.2, schedule = [{ days = [\"fri\"], from = \"20:00\", to = \"02:00\", at = 1.35 }] }\n\
             hh = { at = 1.4, schedule = [{ days = [\"sat\"], from = \"01:00\", to = \"03:00\", at = 1.3 }] }",
        );
        assert!(both.contains("h = 1.35 is not below hh = 1.3 on sat at 01:00"), "{both}");
    }

    #[test]
    fn a_schedule_whose_alarm_could_never_clear_is_a_fault() {
        let said = faults(
            "h = { at = 1.2, deadband = 0.3, schedule = [{ from = \"08:00\", to = \"09:00\", at = 0.2 }] }",
        );
        assert!(said.contains("never clear within the range on mon at 08:00"), "{said}");
    }

    #[test]
    fn deadbands_of_both_sides_that_overlap_are_a_fault() {
        assert_eq!(faults("l = { at = 0.4, deadband = 0.1 }\nh = { at = 0.8, deadband = 0.1 }"), "");
        let said = faults("l = { at = 0.4, deadband = 0.3 }\nh = { at = 0.8, deadband = 0.2 }");
        assert!(said.contains("the deadbands of l and h overlap"), "{said}");
        assert!(said.contains("clears above 0.7") && said.contains("limits.x.l.deadband"), "{said}");
        // The outer pair counts too.
        let said = faults("ll = { at = 0.1, deadband = 1.5 }\nhh = { at = 1.9, deadband = 0.5 }");
        assert!(said.contains("the deadbands of ll and hh overlap"), "{said}");
    }
}
