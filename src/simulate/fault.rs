//! The faults the demo plant can play, and the programme that plays them by itself. Pure.

use std::time::Duration;

use super::boiler::Troubles;

/// One fault, by the name the page and the API use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Feed pump tripped and blow-down valve stuck open: low-low water within 40 s.
    LowWater,
    /// Stop valve shut, burner held by hand: the high-limit trip acts.
    Overpressure,
    /// The same with the trip bypassed: the safety valve lifts.
    ReliefValve,
    /// The level transmitter stands still.
    LevelStuck,
    /// The level transmitter's loop is broken.
    WireBreak,
    /// The PLC does not answer any more.
    DeviceDead,
    /// The compressor does not unload.
    UnloaderStuck,
    /// The MQTT broker is away.
    BrokerAway,
    /// The time series database is away.
    DatabaseAway,
    /// The inspection system is away.
    InspectionAway,
}

impl Fault {
    /// All of them, in the order they are shown.
    pub const ALL: [Self; 10] = [
        Self::LowWater,
        Self::Overpressure,
        Self::ReliefValve,
        Self::LevelStuck,
        Self::WireBreak,
        Self::UnloaderStuck,
        Self::DeviceDead,
        Self::BrokerAway,
        Self::DatabaseAway,
        Self::InspectionAway,
    ];

    /// Stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::LowWater => "low-water",
            Self::Overpressure => "overpressure",
            Self::ReliefValve => "relief-valve",
            Self::LevelStuck => "level-stuck",
            Self::WireBreak => "wire-break",
            Self::UnloaderStuck => "unloader-stuck",
            Self::DeviceDead => "device-dead",
            Self::BrokerAway => "broker-away",
            Self::DatabaseAway => "database-away",
            Self::InspectionAway => "inspection-away",
        }
    }

    /// The fault with this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.name() == name)
    }

    /// What it is, in Chinese and English.
    #[must_use]
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::LowWater => {
                ("给水泵跳闸、排污阀卡开：缺水", "Feed pump tripped, blow-down valve stuck open: low water")
            }
            Self::Overpressure => {
                ("主汽阀关闭、燃烧器手动：超压联锁", "Stop valve shut, burner in hand: high-pressure trip")
            }
            Self::ReliefValve => {
                ("超压联锁被旁路：安全阀起跳", "High-pressure trip bypassed: safety valve lifts")
            }
            Self::LevelStuck => ("水位变送器死值", "Level transmitter frozen"),
            Self::WireBreak => ("水位变送器断线", "Level transmitter wire break"),
            Self::UnloaderStuck => {
                ("空压机不卸载：储气罐超压", "Compressor does not unload: receiver overpressure")
            }
            Self::DeviceDead => ("锅炉 PLC 无应答", "Boiler PLC does not answer"),
            Self::BrokerAway => ("MQTT 代理中断", "MQTT broker away"),
            Self::DatabaseAway => ("时序数据库中断", "Time series database away"),
            Self::InspectionAway => ("检验平台中断", "Inspection system away"),
        }
    }
}

/// Which faults are on: those a person switched, or the programme's while nobody did.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    by_hand: [Option<bool>; Fault::ALL.len()],
    programme: bool,
    since_start: Duration,
}

/// From, to (seconds into the round), fault. The first hazard stands within a minute of the start.
const PROGRAMME: &[(u64, u64, Fault)] = &[
    (8, 58, Fault::LowWater),
    (18, 26, Fault::DatabaseAway),
    (64, 70, Fault::BrokerAway),
    (180, 250, Fault::UnloaderStuck),
    (300, 330, Fault::WireBreak),
    (380, 480, Fault::Overpressure),
    (560, 585, Fault::DeviceDead),
    (620, 640, Fault::InspectionAway),
];
const ROUND: Duration = Duration::from_secs(720);

impl Faults {
    /// With `programme`, faults come and go by themselves; without, only by hand.
    #[must_use]
    pub fn new(programme: bool) -> Self {
        Self { programme, ..Self::default() }
    }

    /// Lets time pass.
    pub fn step(&mut self, step: Duration) {
        self.since_start += step;
    }

    /// Turns one on or off by hand; from then on the programme leaves it alone.
    pub fn set(&mut self, fault: Fault, active: bool) {
        self.by_hand[fault as usize] = Some(active);
    }

    /// Is it on?
    #[must_use]
    pub fn is_active(&self, fault: Fault) -> bool {
        let second = self.since_start.as_secs() % ROUND.as_secs();
        let planned = || PROGRAMME.iter().any(|(from, to, f)| *f == fault && (*from..*to).contains(&second));
        self.by_hand[fault as usize].unwrap_or_else(|| self.programme && planned())
    }

    /// What the boiler feels of them.
    #[must_use]
    pub fn troubles(&self) -> Troubles {
        let low_water = self.is_active(Fault::LowWater);
        let relief = self.is_active(Fault::ReliefValve);
        let shut = relief || self.is_active(Fault::Overpressure);
        Troubles {
            feed_pump_tripped: low_water,
            blow_down_open: low_water,
            stop_valve_shut: shut,
            burner_in_hand: shut,
            high_limit_bypassed: relief,
            low_water_trip_bypassed: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Fault, Faults};

    #[test]
    fn every_fault_has_its_own_place_and_is_found_by_its_name() {
        let mut places: Vec<usize> = Fault::ALL.into_iter().map(|f| f as usize).collect();
        places.sort_unstable();
        assert_eq!(places, (0..Fault::ALL.len()).collect::<Vec<_>>());
        for fault in Fault::ALL {
            assert_eq!(Fault::of(fault.name()), Some(fault));
        }
    }

    #[test]
    fn the_programme_plays_and_a_hand_overrules_it() {
        let mut faults = Faults::new(true);
        assert!(!faults.is_active(Fault::LowWater));
        faults.step(Duration::from_secs(10));
        assert!(faults.is_active(Fault::LowWater) && faults.troubles().blow_down_open);
        faults.set(Fault::LowWater, false);
        assert!(!faults.is_active(Fault::LowWater));
        let mut calm = Faults::new(false);
        calm.step(Duration::from_secs(10));
        assert!(Fault::ALL.into_iter().all(|f| !calm.is_active(f)));
        calm.set(Fault::DeviceDead, true);
        assert!(calm.is_active(Fault::DeviceDead));
    }
}
