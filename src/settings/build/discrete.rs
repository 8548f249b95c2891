//! Discrete points that speak of an alarm and have no limit: nobody would ever be called.

use super::super::fault::Fault;
use super::super::walk::Walk;
use super::plant::PlantBuilder;
use crate::plant::{LimitKind, Point, PointIx, ValueType};

/// So many are named; the rest is counted.
const NAMED: usize = 12;

/// Words of names that stand for something wrong.
const WORDS: &[&str] = &[
    "报警",
    "故障",
    "熄火",
    "超压",
    "超温",
    "缺水",
    "泄漏",
    "跳闸",
    "急停",
    "失败",
    "过载",
    "过热",
    "断相",
    "失电",
    "极低",
    "极高",
    "低低",
    "高高",
    "alarm",
    "fault",
    "failure",
    "fail",
    "trip",
    "emergency",
    "leak",
    "overload",
    "low-low",
    "high-high",
    "störung",
];

/// Words behind which the same word is a command or a report of its end: `报警复位`.
const BUT: &[&str] =
    &["复位", "消音", "屏蔽", "旁路", "无故障", "无报警", "reset", "ack", "silence", "bypass", "no fault"];

fn speaks_of_an_alarm(point: &Point) -> bool {
    let names =
        [point.name.zh.to_lowercase(), point.name.en.to_lowercase(), point.id.as_str().replace('_', " ")];
    let any = |words: &[&str]| names.iter().any(|n| words.iter().any(|w| n.contains(w)));
    any(WORDS) && !any(BUT)
}

impl PlantBuilder<'_> {
    /// Lists the alarm bits of one equipment that have no limit; `state = false` says that this is meant.
    pub(super) fn unwatched(&self, w: &Walk<'_>, own: &[PointIx]) {
        let bare = |ix: &&PointIx| {
            let point = &self.points[ix.0 as usize];
            point.value_type == ValueType::Bool
                && point.limits.is_empty()
                && !self.relations.is_off(**ix, LimitKind::State)
                && self
                    .devices
                    .get(point.device.0 as usize)
                    .is_some_and(|d| d.source.as_str() != super::derived::SOURCE)
                && speaks_of_an_alarm(point)
        };
        let found: Vec<&str> =
            own.iter().filter(bare).map(|ix| self.points[ix.0 as usize].id.as_str()).collect();
        if found.is_empty() {
            return;
        }
        let mut named = found.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        if found.len() > NAMED {
            named = format!("{named} and {} more", found.len() - NAMED);
        }
        self.warnings.borrow_mut().push(Fault {
            place: w.place("limits"),
            key: format!("{}.limits", w.path),
            problem: format!("alarm bits without a limit, which call nobody: {named}"),
            remedy:
                "write state = { at = 1 } for each (at = 0 if 0 is the alarm), or state = false where nobody \
                     is to be called"
                    .to_owned(),
        });
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::load_texts;

    const SETTINGS: &str = "[site]\nid = \"n\"\n[[source.modbus]]\nid = \"plc\"\naddress = \"tcp://192.0.2.1\"\n\
                            [[equipment]]\nid = \"e\"\nkind = \"k\"\nprofile = \"p\"\nsource = \"plc\"\nunit = 1\n";

    fn faults(point: &str, more: &str) -> String {
        let profile = format!("kind = \"k\"\n[[point]]\nid = \"x\"\n{point}\n");
        match load_texts(&[("t.toml", &format!("{SETTINGS}{more}"))], &[("p.toml", &profile)], &[]) {
            Ok(_) => String::new(),
            Err(faults) => faults.0.iter().map(|f| format!("{}: {}\n", f.key, f.problem)).collect(),
        }
    }

    #[test]
    fn an_analogue_limit_on_a_discrete_point_is_a_fault_and_a_state_is_not() {
        for place in [
            "address = 40001\nbit = 3",
            "address = 10005",
            "table = \"coil\"\naddress = 0",
            "address = 40001\nunit = \"bool\"",
        ] {
            let faulty = faults(&format!("{place}\nlimits = {{ h = {{ at = 0 }} }}"), "");
            assert_eq!(faulty, "point.0.limits.h: a discrete point is 0 or 1 and knows no `h`\n", "{place}");
            assert_eq!(faults(&format!("{place}\nlimits = {{ state = {{ at = 0 }} }}"), ""), "", "{place}");
            let beyond = faults(&format!("{place}\nlimits = {{ state = {{ at = 2 }} }}"), "");
            assert_eq!(beyond, "point.0.limits.state.at: 2, and a discrete point is 0 or 1\n", "{place}");
            let over = faults(place, "[equipment.limits.x]\nl = { at = 0 }\n");
            assert!(
                over.ends_with("limits.x.l: a discrete point is 0 or 1 and knows no `l`\n"),
                "{place}: {over}"
            );
        }
        assert_eq!(faults("address = 40001\nlimits = { h = { at = 0 } }", ""), "");
        let derived = faults(
            "address = 40001",
            "[[equipment.derived]]\nid = \"d\"\nformula = \"x > 5\"\nlimits = { h = { at = 1 } }\n",
        );
        assert!(derived.contains("a discrete point is 0 or 1 and knows no `h`"), "{derived}");
    }

    #[test]
    fn alarm_bits_without_a_limit_are_listed_until_somebody_says_that_it_is_meant() {
        let profile = "kind = \"k\"\n\
            [[point]]\nid = \"a\"\nname = \"熄火故障\"\naddress = 10001\n\
            [[point]]\nid = \"pump_fault\"\naddress = 40001\nbit = 2\n\
            [[point]]\nid = \"c\"\nname = \"故障复位\"\naddress = 40001\nbit = 3\n\
            [[point]]\nid = \"d\"\nname = \"超压\"\naddress = 10004\nlimits = { state = { at = 1 } }\n\
            [[point]]\nid = \"e\"\nname = \"报警字\"\naddress = 40002\n\
            [[point]]\nid = \"run\"\naddress = 10006\n";
        let warnings = |more: &str| -> Vec<String> {
            let loaded = load_texts(&[("t.toml", &format!("{SETTINGS}{more}"))], &[("p.toml", profile)], &[])
                .expect("good");
            loaded.warnings.iter().map(|w| w.problem.clone()).collect()
        };
        assert_eq!(warnings(""), ["alarm bits without a limit, which call nobody: a, pump_fault"]);
        let meant =
            "[equipment.limits.a]\nstate = false\n[equipment.limits.pump_fault]\nstate = { at = 1 }\n";
        assert_eq!(warnings(meant), Vec::<String>::new());
    }
}
