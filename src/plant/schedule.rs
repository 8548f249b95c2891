//! Setpoints that change with the time of day.

/// A setpoint for some hours of some days, local time of the site.
#[derive(Debug, Clone, PartialEq)]
pub struct Slot {
    /// Bit 0 is Monday; the day on which it begins.
    pub days: u8,
    /// Minute of the day on which it begins, 0 to 1439.
    pub from_min: u16,
    /// How many minutes it lasts, 1 to 1440.
    pub lasts_min: u16,
    /// Setpoint, in the point's unit.
    pub at: f64,
}

/// Minutes of a day.
const DAY_MIN: u32 = 1440;

impl Slot {
    /// Whether it holds at minute `minute` of weekday `day` (0 is Monday). It may reach into the next day.
    #[must_use]
    pub fn holds(&self, day: u8, minute: u16) -> bool {
        let since = |day: u8, ahead: u32| {
            let on = self.days & 1 << (day % 7) != 0;
            let minute = u32::from(minute) + ahead;
            on && (u32::from(self.from_min)..u32::from(self.from_min) + u32::from(self.lasts_min))
                .contains(&minute)
        };
        since(day, 0) || since(day + 6, DAY_MIN)
    }
}

/// The setpoint at that time: of the first slot that holds, else `usual`.
#[must_use]
pub fn setpoint(slots: &[Slot], usual: f64, day: u8, minute: u16) -> f64 {
    slots.iter().find(|s| s.holds(day, minute)).map_or(usual, |s| s.at)
}

#[cfg(test)]
mod tests {
    use super::{Slot, setpoint};

    #[test]
    fn a_slot_that_begins_in_the_evening_holds_into_the_next_morning() {
        // Friday and Saturday, 22:00 to 06:00.
        let night = Slot { days: 0b011_0000, from_min: 22 * 60, lasts_min: 8 * 60, at: 1.0 };
        let at = |day, hour: u16| setpoint(std::slice::from_ref(&night), 1.2, day, hour * 60);
        assert_eq!(
            [at(4, 21), at(4, 22), at(5, 5), at(5, 6), at(5, 23), at(6, 5), at(6, 22), at(4, 5)],
            [1.2, 1.0, 1.0, 1.2, 1.0, 1.0, 1.2, 1.2]
        );
    }

    #[test]
    fn a_whole_day_is_every_minute_of_it_and_the_first_slot_that_holds_counts() {
        let day = Slot { days: 0b100_0000, from_min: 0, lasts_min: 1440, at: 0.5 };
        let noon = Slot { days: 0x7F, from_min: 720, lasts_min: 60, at: 0.7 };
        let slots = [noon, day];
        assert_eq!(setpoint(&slots, 1.0, 6, 0), 0.5);
        assert_eq!(setpoint(&slots, 1.0, 6, 1439), 0.5);
        assert_eq!(setpoint(&slots, 1.0, 6, 730), 0.7);
        assert_eq!(setpoint(&slots, 1.0, 0, 0), 1.0);
    }
}
