//! What is stored of alarms, as it stands in the ledger: named fields, which a person can read.
//!
//! Rows of the first versions had lists in place of some fields; they are read as what they meant.

use super::operator::Out;
use crate::alarm::state::{Alarm, AlarmState, Suppression};
use crate::plant::Micros;

/// The stored form of one rule's state. Times that run are stored as what has passed or is left, in
/// milliseconds.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct StoredAlarm {
    /// Rule key.
    pub key: String,
    /// State under the suppressions.
    pub state: AlarmState,
    /// Of the last raise.
    pub raised_at: Option<Micros>,
    /// Value at the last raise.
    pub value: Option<f64>,
    /// In which unit its numbers are, and its delay ran; absent where there are none, and in rows of versions that did
    /// not store it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Who acknowledged last.
    pub acknowledged_by: Option<String>,
    /// How long the breach has lasted towards its on-delay.
    pub on_elapsed_ms: Option<u64>,
    /// How long the return has lasted towards its off-delay.
    pub off_elapsed_ms: Option<u64>,
    /// Put aside.
    pub shelf: Option<StoredShelf>,
    /// Out of service.
    pub out: Option<Out>,
    /// What hides it by the plant's design.
    pub by_design: StoredDesign,
    /// How long what hides it has been unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown_ms: Option<u64>,
    /// An excursion under way.
    pub excursion: Option<StoredExcursion>,
    /// When people were called last, while nobody has answered. A time and no age: an unanswered alarm may stand for
    /// days, and must not be written anew each second.
    pub called_at: Option<Micros>,
    /// It is the first-out of its equipment.
    pub first: bool,
    /// Of the gateway's own alarms: what they tell, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<StoredText>,
    /// Since when the settings have not had the rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub away: Option<Micros>,
}

/// A person has put the alarm aside.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(from = "earlier::Shelf")]
pub struct StoredShelf {
    /// Who.
    pub by: String,
    /// Why.
    pub why: String,
    /// Until when, by the wall clock of then.
    pub until: Micros,
    /// What is left of it.
    pub left_ms: u64,
}

/// What hides an alarm by the plant's design; it follows from what is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(from = "earlier::Design")]
pub struct StoredDesign {
    /// Its condition (`when`, `unless`, `schedule`) does not hold.
    pub condition: bool,
    /// It follows from another alarm that stands (`follows`).
    pub follows: bool,
}

/// An excursion under way: the value is beyond its limit or near it, and no alarm yet.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(from = "earlier::Excursion")]
pub struct StoredExcursion {
    /// How long it lasts.
    pub since_ms: u64,
    /// The value furthest gone, in the point's unit.
    pub peak: f64,
    /// Beyond the limit; else only near.
    pub beyond: bool,
}

/// A text in both languages.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(from = "earlier::Text")]
pub struct StoredText {
    /// 中文
    pub zh: String,
    /// English
    pub en: String,
}

/// What the engine remembers beside the rules: of formulas, of tests of readings, and of calls.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct StoredMemory {
    /// Whose.
    pub of: MemoryOf,
    /// Name of the point; empty for the site's.
    pub name: String,
    /// In the words of whoever remembers, JSON.
    pub body: String,
}

/// Whose memory it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MemoryOf {
    /// The formula of a derived point: means, totals, times.
    Formula,
    /// The tests of a point's readings.
    Test,
    /// The site's newest calls, and whether they are a flood.
    Calls,
}

/// The newest calls of the site.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct StoredCalls {
    /// How long ago each was, oldest first.
    pub ago_ms: Vec<u64>,
    /// They are a flood.
    pub flood: bool,
}

impl StoredAlarm {
    /// The state as people saw it.
    #[must_use]
    pub fn shown(&self) -> AlarmState {
        self.alarm().state()
    }

    /// Something of it means nothing in another unit.
    #[must_use]
    pub fn has_numbers(&self) -> bool {
        let delays = self.on_elapsed_ms.or(self.off_elapsed_ms);
        self.value.is_some() || delays.is_some() || self.excursion.is_some()
    }

    /// What counts of it where its point is in another unit.
    pub(super) fn without_numbers(&self) -> Self {
        Self {
            value: None,
            on_elapsed_ms: None,
            off_elapsed_ms: None,
            excursion: None,
            unit: None,
            ..self.clone()
        }
    }

    pub(super) fn alarm(&self) -> Alarm {
        let mut alarm = Alarm::stored(self.state);
        for (by, on) in [
            (Suppression::Shelved, self.shelf.is_some()),
            (Suppression::OutOfService, self.out.is_some()),
            (Suppression::ByDesign, self.by_design.condition || self.by_design.follows),
        ] {
            if on {
                alarm.suppress(by);
            }
        }
        alarm
    }
}

impl MemoryOf {
    /// Stable word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Formula => "formula",
            Self::Test => "test",
            Self::Calls => "calls",
        }
    }
}

impl std::str::FromStr for MemoryOf {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Formula, Self::Test, Self::Calls]
            .into_iter()
            .find(|of| of.as_str() == text)
            .ok_or_else(|| format!("`{text}` is not a kind of memory"))
    }
}

/// Values with named fields, or the lists that earlier versions wrote.
mod earlier {
    use super::{Micros, StoredDesign, StoredExcursion, StoredShelf, StoredText};

    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    pub(super) enum Shelf {
        Named { by: String, why: String, until: Micros, left_ms: u64 },
        List(String, String, Micros, u64),
    }

    impl From<Shelf> for StoredShelf {
        fn from(form: Shelf) -> Self {
            let (Shelf::Named { by, why, until, left_ms } | Shelf::List(by, why, until, left_ms)) = form;
            Self { by, why, until, left_ms }
        }
    }

    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    pub(super) enum Design {
        Named { condition: bool, follows: bool },
        List(bool, bool),
    }

    impl From<Design> for StoredDesign {
        fn from(form: Design) -> Self {
            let (Design::Named { condition, follows } | Design::List(condition, follows)) = form;
            Self { condition, follows }
        }
    }

    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    pub(super) enum Excursion {
        Named { since_ms: u64, peak: f64, beyond: bool },
        List(u64, f64, bool),
    }

    impl From<Excursion> for StoredExcursion {
        fn from(form: Excursion) -> Self {
            let (Excursion::Named { since_ms, peak, beyond } | Excursion::List(since_ms, peak, beyond)) =
                form;
            Self { since_ms, peak, beyond }
        }
    }

    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    pub(super) enum Text {
        Named { zh: String, en: String },
        List(String, String),
    }

    impl From<Text> for StoredText {
        fn from(form: Text) -> Self {
            let (Text::Named { zh, en } | Text::List(zh, en)) = form;
            Self { zh, en }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::StoredAlarm;

    #[test]
    fn an_alarm_that_an_earlier_version_stored_reads_as_what_it_meant_and_is_stored_with_names() {
        let before = r#"{"key":"b/l.ll","state":"unacknowledged","raised_at":5,"value":-80.0,"acknowledged_by":null,
            "on_elapsed_ms":null,"off_elapsed_ms":7,"shelf":["赵海","检修",9,1000],"out":null,"by_design":[false,true],
            "excursion":[12,-81.5,true],"called_at":6,"calls_ms":[],"flood":false,"first":true,"memory":null,
            "told":[["磁盘已满","The disk is full"]]}"#;
        let alarm: StoredAlarm = serde_json::from_str(before).unwrap();
        insta::assert_snapshot!(serde_json::to_string_pretty(&alarm).unwrap());
        let again: StoredAlarm = serde_json::from_str(&serde_json::to_string(&alarm).unwrap()).unwrap();
        assert_eq!(again, alarm);
    }
}
