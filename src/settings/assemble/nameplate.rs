//! `nameplate = { … }` of an equipment → ratings in known units; and the promise that nothing runs above its plate without
//! an alarm.

use super::super::fault::Fault;
use super::super::presets::nameplate::{Fuel, Nameplate, rating};
use super::super::presets::{presets, tidy};
use super::super::walk::Walk;
use super::plant::PlantBuilder;
use crate::plant::{LimitKind, Point, PointIx, unit};

/// A rating that a point must not pass without an alarm.
struct Guard {
    kind: &'static str,
    point: &'static str,
    /// Key of the nameplate, and the unit that its value has here.
    key: &'static str,
    unit: &'static str,
    rating: fn(&Nameplate) -> Option<f64>,
    /// How far above the rating the trade lets it be run, in `unit`.
    tolerance: f64,
}

const fn pressure(kind: &'static str, point: &'static str) -> Guard {
    Guard { kind, point, key: "pressure", unit: "MPa", rating: |n| n.pressure, tolerance: 0.0 }
}

const fn temperature(kind: &'static str, point: &'static str, tolerance: f64) -> Guard {
    Guard { kind, point, key: "temperature", unit: "℃", rating: |n| n.temperature, tolerance }
}

const GUARDS: [Guard; 11] = [
    pressure("steam-boiler", "steam_pressure"),
    pressure("hot-water-boiler", "outlet_pressure"),
    temperature("hot-water-boiler", "outlet_temp", 0.0),
    temperature("thermal-oil-heater", "oil_out_temp", 0.0),
    pressure("steam-accumulator", "pressure"),
    pressure("autoclave", "pressure"),
    pressure("air-receiver", "pressure"),
    pressure("ammonia-receiver", "pressure"),
    pressure("power-boiler", "drum_pressure"),
    // Superheated steam is delivered at the rated temperature +5/-10 K.
    temperature("power-boiler", "superheat_temp", 5.0),
    pressure("storage-sphere", "pressure"),
];

/// One rating in `unit`.
fn read(w: &Walk<'_>, key: &'static str, wanted: &str, example: &str) -> Option<f64> {
    let how = format!("a number with its unit, as on the plate: {key} = \"{example}\"");
    if w.has(key) && !w.is_plain_text(key) {
        w.mark(key);
        let unit = example.split_once(' ').map_or("", |(_, unit)| unit);
        match w.bare_number(key) {
            Some(number) => w.fault(
                key,
                "this has no unit",
                format!("write {key} = \"{number} {unit}\", with the unit that is on the plate"),
            ),
            None => w.fault(key, "this has no unit", how),
        }
        return None;
    }
    rating(w.text(key)?, wanted).map_err(|problem| w.fault(key, problem, how)).ok()
}

/// `nameplate`; everything unknown where it is not written.
pub(super) fn nameplate(w: &Walk<'_>) -> Nameplate {
    let Some(w) = w.table("nameplate") else { return Nameplate::default() };
    let found = Nameplate {
        pressure: read(&w, "pressure", "MPa", "1.25 MPa"),
        working_pressure: read(&w, "working_pressure", "MPa", "1.0 MPa"),
        output: read(&w, "output", "MW", "10 t/h"),
        temperature: read(&w, "temperature", "℃", "115 ℃"),
        return_temperature: read(&w, "return_temperature", "℃", "70 ℃"),
        fuel: w.word("fuel", &Fuel::ALL),
    };
    if let (Some(working), Some(rated)) = (found.working_pressure, found.pressure)
        && working > rated
    {
        w.fault(
            "working_pressure",
            format!("{working} MPa is above the rated pressure, {rated} MPa"),
            "the pressure at which it is run, not above pressure",
        );
    }
    if let (Some(out), Some(back)) = (found.temperature, found.return_temperature)
        && back >= out
    {
        w.fault(
            "return_temperature",
            format!("{back} ℃ is not below the outlet's {out} ℃"),
            "temperature is what leaves the boiler, return_temperature what comes back",
        );
    }
    w.finish();
    found
}

impl PlantBuilder<'_> {
    /// No point has the id that the guard knows: another one may measure the same under its own name.
    fn nobody_guards(&self, w: &Walk<'_>, guard: &Guard, rated: Option<f64>, mut own: Vec<&Point>) {
        let Some(rated) = rated else { return };
        let has_a_preset = |id: &str| presets().iter().any(|p| p.kind == guard.kind && p.point == id);
        let most = |p: &Point| {
            let (factor, offset) = unit::conversion(guard.unit, &p.unit).ok()?;
            Some((rated + guard.tolerance) * factor + offset)
        };
        own.retain(|p| most(p).is_some() && !has_a_preset(p.id.as_str()));
        let is_below =
            |p: &&Point| lowest_high_limit(p).zip(most(p)).is_some_and(|(at, most)| at <= tidy(most));
        if own.iter().any(is_below) {
            return;
        }
        let what = format!("{} of the nameplate, {rated} {}", guard.key, guard.unit);
        let remedy = format!(
            "call the point that measures it `{}`, or write [equipment.limits.POINT] h = {{ at = … }} for it",
            guard.point
        );
        let key = format!("nameplate.{}", guard.key);
        if own.is_empty() {
            self.warnings.borrow_mut().push(Fault {
                place: w.place("nameplate"),
                key: format!("{}.{key}", w.path),
                problem: format!("no point measures the {what}: nothing calls above it"),
                remedy,
            });
        } else {
            let names = own.iter().map(|p| p.id.as_str()).collect::<Vec<_>>().join(", ");
            w.fault(
                &key,
                format!("nothing calls above the {what}: no point is called `{}`, and none of {names} has a high limit there", guard.point),
                remedy,
            );
        }
    }

    /// Pressure and temperature of the equipment have a high limit at or below the nameplate's rating.
    pub(super) fn above_nameplate(
        &self,
        w: &Walk<'_>,
        (kind, plate): (&str, &Nameplate),
        own: &[PointIx],
        wants_preset: bool,
    ) {
        let own = || own.iter().map(|p| &self.points[p.0 as usize]);
        for guard in GUARDS.iter().filter(|g| g.kind == kind) {
            let Some(point) = own().find(|p| p.id.as_str() == guard.point) else {
                self.nobody_guards(w, guard, (guard.rating)(plate), own().collect());
                continue;
            };
            let lowest = lowest_high_limit(point);
            let key = format!("nameplate.{}", guard.key);
            let Some(rated) = (guard.rating)(plate) else {
                // What is written and cannot be read has its fault already.
                let is_written = w.table("nameplate").is_some_and(|plate| plate.has(guard.key));
                if wants_preset && lowest.is_none() && !is_written {
                    let example = if guard.key == "pressure" { "1.25 MPa" } else { "115 ℃" };
                    let limits = format!("[equipment.limits.{}] h = {{ at = … }}", guard.point);
                    w.fault(
                        &key,
                        format!("missing, and without it {} has no high limit", guard.point),
                        format!(
                            "the rating on the plate: nameplate = {{ {} = \"{example}\" }}, or {limits}",
                            guard.key
                        ),
                    );
                }
                continue;
            };
            let Ok((factor, offset)) = unit::conversion(guard.unit, &point.unit) else { continue };
            let most = tidy((rated + guard.tolerance) * factor + offset);
            let limits = format!("limits.{}", guard.point);
            let remedy = format!("h or hh at {most} {} or below", point.unit);
            match lowest {
                None => w.fault(
                    &limits,
                    format!("nothing calls above the nameplate's {rated} {}", guard.unit),
                    remedy,
                ),
                Some(at) if at > most => {
                    let problem = format!(
                        "the first high limit, {at} {}, is above the nameplate's {rated} {}",
                        point.unit, guard.unit
                    );
                    w.fault(&limits, problem, remedy);
                }
                Some(_) => {}
            }
        }
    }
}

/// The lowest of `h` and `hh` at their least careful hour.
fn lowest_high_limit(point: &Point) -> Option<f64> {
    let high = point.limits.iter().filter(|l| matches!(l.kind, LimitKind::H | LimitKind::HH));
    high.map(|l| l.schedule.iter().map(|s| s.at).fold(l.at, f64::max)).reduce(f64::min)
}
