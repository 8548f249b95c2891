//! Why a hazard record was opened, and what else would be the same hazard.
//!
//! An alarm is one origin of several: a date that has passed, what a person found on a round, a report by the public, an
//! order of the inspection system, an item of a sheet, and nobody on duty are others. Each names what it is about, and the
//! [`Origin::merge_key`] made of that decides what is counted on an open record and what opens a new one.

use jiff::civil::Date;

use crate::plant::Micros;

/// Why a record was opened.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "source", rename_all = "snake_case")]
pub enum Origin {
    /// A limit was in breach.
    #[serde(rename = "auto_alarm")]
    Alarm(AlarmOrigin),
    /// 到期: an inspection, a certificate or a calibration that is due.
    DueDate {
        /// What is due, as the equipment's ledger names it.
        item: String,
        /// The last day on which it may be done; a later date is another hazard.
        due: Date,
    },
    /// 排查: what a person found, by its id; each finding is a hazard of its own.
    Finding {
        /// Its id, so that the same import twice is one finding.
        finding: String,
    },
    /// 举报: what somebody reported, by the receipt that was given for it.
    Report {
        /// The receipt.
        receipt: String,
    },
    /// What the inspection system found or ordered.
    Feed {
        /// The outlet that it came by.
        system: String,
        /// Its id there.
        external_id: String,
    },
    /// An item of a daily, weekly or monthly sheet (日管控、周排查、月调度) that is not in order.
    Sheet {
        /// Which kind of sheet.
        sheet: String,
        /// Which item of it; as long as it is not in order, each sheet tells of the same hazard.
        item: String,
    },
    /// 值守: nobody is on duty, or nobody who is answers.
    Duty {
        /// The role that nobody fills.
        role: String,
    },
}

/// The breach that opened a record.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub struct AlarmOrigin {
    /// Rule key.
    pub rule: String,
    /// Point id.
    pub point: Option<String>,
    /// Value at the first breach, in `unit`.
    pub value: Option<f64>,
    /// Setpoint, in `unit`.
    pub setpoint: Option<f64>,
    /// Unit of the point.
    pub unit: String,
    /// When the breach that was counted last came to hold.
    #[serde(default)]
    pub breach_at: Option<Micros>,
}

impl Origin {
    /// Its word in API, ledger and events.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Alarm(_) => "auto_alarm",
            Self::DueDate { .. } => "due_date",
            Self::Finding { .. } => "finding",
            Self::Report { .. } => "report",
            Self::Feed { .. } => "feed",
            Self::Sheet { .. } => "sheet",
            Self::Duty { .. } => "duty",
        }
    }

    /// The breach, where an alarm is the origin.
    #[must_use]
    pub fn alarm(&self) -> Option<&AlarmOrigin> {
        if let Self::Alarm(alarm) = self { Some(alarm) } else { None }
    }

    /// Of one equipment, `other` is the same hazard: their merge keys are equal.
    #[must_use]
    pub fn merges_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Alarm(one), Self::Alarm(other)) => one.rule == other.rule,
            (one, other) => one == other,
        }
    }

    /// Two origins with the same key are one hazard while a record of it is open: origin, equipment and what it is about,
    /// as a JSON array, so that no two of them read alike.
    #[must_use]
    pub fn merge_key(&self, equipment: Option<&str>) -> String {
        let mut key = vec![self.as_str(), equipment.unwrap_or_default()];
        let due;
        match self {
            Self::Alarm(alarm) => key.push(&alarm.rule),
            Self::DueDate { item, due: date } => {
                due = date.to_string();
                key.extend([item.as_str(), &due]);
            }
            Self::Finding { finding: about }
            | Self::Report { receipt: about }
            | Self::Duty { role: about } => {
                key.push(about);
            }
            Self::Feed { system: of, external_id: about } | Self::Sheet { sheet: of, item: about } => {
                key.extend([of.as_str(), about]);
            }
        }
        serde_json::Value::from(key).to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{AlarmOrigin, Origin};

    fn origin() -> impl Strategy<Value = Origin> {
        let text = || "[ab\\\\\",\u{7f}高\\[\\]]{0,3}";
        let date = (2024i16..2027, 1i8..=12, 1i8..=28).prop_map(|(y, m, d)| jiff::civil::date(y, m, d));
        prop_oneof![
            text().prop_map(|rule| Origin::Alarm(AlarmOrigin { rule, ..AlarmOrigin::default() })),
            (text(), date).prop_map(|(item, due)| Origin::DueDate { item, due }),
            text().prop_map(|finding| Origin::Finding { finding }),
            text().prop_map(|receipt| Origin::Report { receipt }),
            (text(), text()).prop_map(|(system, external_id)| Origin::Feed { system, external_id }),
            (text(), text()).prop_map(|(sheet, item)| Origin::Sheet { sheet, item }),
            text().prop_map(|role| Origin::Duty { role }),
        ]
    }

    proptest! {
        #[test]
        fn two_origins_share_a_merge_key_only_if_they_are_about_the_same(
            one in origin(), other in origin(), at in "[a,\"]{0,2}", there in "[a,\"]{0,2}",
        ) {
            let same = one.merges_with(&other) && at == there;
            prop_assert_eq!(one.merge_key(Some(&at)) == other.merge_key(Some(&there)), same);
            let mut again = one.clone();
            if let Origin::Alarm(alarm) = &mut again {
                (alarm.value, alarm.setpoint, alarm.unit) = (Some(9.0), Some(8.0), "mm".to_owned());
            }
            prop_assert_eq!(one.merge_key(Some(&at)), again.merge_key(Some(&at)));
        }

        #[test]
        fn an_origin_reads_back_as_it_was_stored(one in origin()) {
            let text = serde_json::to_string(&one).unwrap();
            prop_assert!(text.contains(&format!("\"source\":\"{}\"", one.as_str())), "{}", text);
            prop_assert_eq!(serde_json::from_str::<Origin>(&text).unwrap(), one);
        }
    }

    #[test]
    fn what_is_told_of_a_breach_later_does_not_make_it_another_hazard() {
        let breach =
            |value| AlarmOrigin { rule: "b/l.ll".to_owned(), value: Some(value), ..AlarmOrigin::default() };
        let [one, other] = [-80.0, -90.0].map(|value| Origin::Alarm(breach(value)).merge_key(Some("b")));
        assert_eq!(one, other);
        assert_eq!(one, r#"["auto_alarm","b","b/l.ll"]"#, "the ledger's migration makes the same");
    }
}
