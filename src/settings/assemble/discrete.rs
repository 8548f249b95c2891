//! Discrete points that speak of an alarm and have no limit: nobody would ever be called.

use super::super::fault::Fault;
use super::super::walk::Walk;
use super::plant::PlantBuilder;
use crate::plant::{Limit, LimitKind, Point, PointIx, ValueType};

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
    "异常",
    "保护",
    "联锁",
    "缺相",
    "断水",
    "断电",
    "断线",
    "断流",
    "停炉",
    "超限",
    "越限",
    "超低",
    "超高",
    "低水位",
    "高水位",
    "alarm",
    "fault",
    "failure",
    "fail",
    "trip",
    "emergency",
    "leak",
    "overload",
    "abnormal",
    "interlock",
    "lockout",
    "shutdown",
    "cut-off",
    "cutoff",
    "cut-out",
    "low water",
    "high water",
    "no flow",
    "low-low",
    "high-high",
    "störung",
];

/// Words behind which the same word is a command or a report of its end: `报警复位`.
const BUT: &[&str] = &[
    "复位",
    "消音",
    "屏蔽",
    "旁路",
    "无故障",
    "无报警",
    "投入",
    "投用",
    "退出",
    "解除",
    "按钮",
    "命令",
    "正常",
    "允许",
    "无异常",
    "未报警",
    "reset",
    "ack",
    "silence",
    "bypass",
    "no fault",
    "no alarm",
    "enable",
    "button",
    "command",
    "normal",
    "healthy",
    "permissive",
];

/// Words for what is measured: `压力高` and `steam pressure high` speak of an alarm, `high speed` of a stage.
const MEASURED: &[&str] = &[
    "压",
    "温",
    "水位",
    "液位",
    "料位",
    "流量",
    "浓度",
    "电流",
    "电压",
    "氧量",
    "振动",
    "液面",
    "pressure",
    "temp",
    "level",
    "flow",
    "concentration",
    "current",
    "voltage",
    "oxygen",
    "vibration",
    "gas",
];

/// Words of alarms that are the plain state of rest where they name a state: `0=停炉 1=运行`.
const AT_REST: &[&str] = &["停炉", "shutdown", "联锁", "interlock"];

/// Words for what is not as it should be, in which those of a good state stand.
const NOT_NORMAL: &[&str] = &["不正常", "非正常", "not normal", "abnormal"];

/// A state of the point is named like an alarm: `1=缺水`.
fn has_an_alarm_state(point: &Point) -> bool {
    point.labels.iter().any(|(_, name)| {
        let names = [spaced(&name.zh), spaced(&name.en)];
        let wrong = |n: &String| WORDS.iter().any(|w| !AT_REST.contains(w) && n.contains(w));
        !names.iter().any(|n| is_harmless(n)) && names.iter().any(|n| wrong(n) || is_not_normal(n))
    })
}

/// In lower case, with a space between the words of `AlarmReset` and `alarm_reset`.
fn spaced(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    let mut before = ' ';
    for c in name.chars() {
        if c.is_ascii_uppercase() && before.is_ascii_lowercase() {
            out.push(' ');
        }
        out.extend(if c == '_' { ' ' } else { c }.to_lowercase());
        before = c;
    }
    // A default is no fault.
    out.replace("default", "")
}

/// The name is of a command or of the end of an alarm. An English word begins where one does: `ack`, not the end of `feedback`.
fn is_harmless(name: &str) -> bool {
    let name = NOT_NORMAL.iter().fold(name.to_owned(), |name, word| name.replace(word, ""));
    BUT.iter().any(|word| {
        let begins = |at: usize| !name[..at].ends_with(|c: char| c.is_ascii_alphabetic());
        name.match_indices(word).any(|(at, _)| !word.is_ascii() || begins(at))
    })
}

fn is_not_normal(name: &str) -> bool {
    NOT_NORMAL.iter().any(|word| name.contains(word))
}

fn speaks_of_an_alarm(point: &Point) -> bool {
    let names = [spaced(&point.name.zh), spaced(&point.name.en), spaced(point.id.as_str())];
    let any = |words: &[&str]| names.iter().any(|n| words.iter().any(|w| n.contains(w)));
    let ends = |name: &String| {
        let ends = ["高", "低", "大", "小"].iter().any(|w| name.ends_with(w))
            || name.split(|c: char| !c.is_alphanumeric()).any(|word| word == "high" || word == "low");
        ends && MEASURED.iter().any(|w| name.contains(w))
    };
    (any(WORDS) || names.iter().any(|n| ends(n) || is_not_normal(n))) && !names.iter().any(|n| is_harmless(n))
}

impl PlantBuilder<'_> {
    /// A flag in a register that is read as a number: 255 is true to its device, and not the 1 of the limit.
    pub(super) fn flag_as_number(&self, ix: PointIx, limit: &Limit) -> Option<String> {
        let point = &self.points[ix.0 as usize];
        let is_flag = limit.kind == LimitKind::State && (limit.at == 0.0 || limit.at == 1.0);
        let is_number = matches!(point.value_type, ValueType::Float | ValueType::Integer);
        let is_bare = point.labels.is_empty() && point.unit.is_empty();
        (is_flag && is_number && is_bare && self.is_read(point)).then(|| {
            format!(
                "state = {} calls at this very number alone, and the point is read as a number, not as a bit",
                limit.at
            )
        })
    }

    /// It comes from a device, and is not calculated.
    fn is_read(&self, point: &Point) -> bool {
        let device = self.devices.get(point.device.0 as usize);
        device.is_some_and(|d| d.source.as_str() != super::derived::SOURCE)
    }

    /// Lists the alarm bits of one equipment that have no limit; `state = false` says that this is meant.
    pub(super) fn unwatched(&self, w: &Walk<'_>, own: &[PointIx]) {
        let bits = |point: &Point| {
            point.value_type == ValueType::Bool && (speaks_of_an_alarm(point) || has_an_alarm_state(point))
        };
        let states = |point: &Point| {
            matches!(point.value_type, ValueType::Integer | ValueType::Float) && has_an_alarm_state(point)
        };
        let remedy = "write state = { at = 1 } for each (at = 0 if 0 is the alarm), or state = false where nobody \
                      is to be called";
        self.list_unwatched(w, own, "alarm bits without a limit, which call nobody", &bits, remedy);
        let remedy = "write state = { at = 1 } with the number of the state that calls, or state = false where nobody \
                      is to be called";
        self.list_unwatched(
            w,
            own,
            "values with a state named like an alarm and without a limit, which call nobody",
            &states,
            remedy,
        );
    }

    fn list_unwatched(
        &self,
        w: &Walk<'_>,
        own: &[PointIx],
        what: &str,
        speaks: &dyn Fn(&Point) -> bool,
        remedy: &str,
    ) {
        let bare = |ix: &&PointIx| {
            let point = &self.points[ix.0 as usize];
            point.limits.is_empty()
                && !self.relations.is_off(**ix, LimitKind::State)
                && self.is_read(point)
                && speaks(point)
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
            problem: format!("{what}: {named}"),
            remedy: remedy.to_owned(),
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

    #[test]
    fn values_with_a_state_named_like_an_alarm_and_no_limit_are_listed_too() {
        let profile = "kind = \"k\"\n\
            [[point]]\nid = \"water\"\naddress = 40001\nlabels = { 0 = \"正常\", 1 = \"缺水\" }\n\
            [[point]]\nid = \"pump\"\naddress = 40002\nlabels = { 0 = \"停止\", 1 = \"运行\", 2 = \"故障\" }\n\
            [[point]]\nid = \"burner\"\naddress = 40003\nlabels = { 0 = \"停炉\", 1 = \"运行\" }\n\
            [[point]]\nid = \"door\"\naddress = 40004\nlabels = { 0 = \"无故障\", 1 = \"有故障\" }\n\
            limits = { state = { at = 1 } }\n\
            [[point]]\nid = \"feed\"\naddress = 40005\nbit = 0\nlabels = { 0 = \"正常\", 1 = \"缺水\" }\n\
            [[point]]\nid = \"drive\"\naddress = 40006\nlabels = { 0 = { en = \"Normal\" }, 1 = { en = \"Abnormal\" } }\n\
            [[point]]\nid = \"valve\"\naddress = 40007\nlabels = { 0 = { en = \"ok\" }, 1 = { en = \"Feedback fault\" } }\n\
            [[point]]\nid = \"gauge\"\naddress = 40008\nlabels = { 0 = \"正常\", 1 = \"不正常\" }\n";
        let warnings = |more: &str| -> Vec<String> {
            let loaded = load_texts(&[("t.toml", &format!("{SETTINGS}{more}"))], &[("p.toml", profile)], &[])
                .expect("good");
            loaded.warnings.iter().map(|w| w.problem.clone()).collect()
        };
        assert_eq!(
            warnings(""),
            [
                "alarm bits without a limit, which call nobody: feed",
                "values with a state named like an alarm and without a limit, which call nobody: water, pump, drive, valve, gauge",
            ]
        );
        let meant = "[equipment.limits.water]\nstate = { at = 1 }\n[equipment.limits.pump]\nstate = false\n\
                     [equipment.limits.feed]\nstate = false\n[equipment.limits.drive]\nstate = false\n\
                     [equipment.limits.valve]\nstate = false\n[equipment.limits.gauge]\nstate = false\n";
        assert_eq!(warnings(meant), Vec::<String>::new());
    }

    fn told(points: &[&str]) -> Vec<String> {
        let points: String = points
            .iter()
            .enumerate()
            .map(|(n, keys)| format!("[[point]]\nid = \"p{n}\"\naddress = 400{:02}\n{keys}\n", n + 1))
            .collect();
        let profile = format!("kind = \"k\"\n{points}");
        let loaded = load_texts(&[("t.toml", SETTINGS)], &[("p.toml", &profile)], &[]).expect("good");
        loaded.warnings.iter().map(|w| w.problem.clone()).collect()
    }

    #[test]
    fn names_of_alarms_are_known_in_the_words_that_plants_use() {
        for name in [
            "低水位",
            "水位低",
            "蒸汽压力高",
            "燃烧器异常",
            "断水保护",
            "缺相",
            "联锁停炉",
            "可燃气体浓度高",
            "Low water cut-off",
            "Steam pressure high",
            "Burner lockout",
            "Gas leak",
            "电机过载",
            "Abnormal",
            "Feedback fault",
            "BackupFault",
            "Preset alarm",
            "水位不正常",
            "Burner not normal",
        ] {
            assert_eq!(told(&[&format!("bit = 0\nname = \"{name}\"")]).len(), 1, "{name}");
        }
        for name in [
            "联锁投入",
            "保护解除",
            "High speed",
            "大火",
            "水位正常",
            "报警消音",
            "燃烧器运行",
            "Low fire",
            "AlarmReset",
            "Alarm ack",
            "Fault acknowledged",
            "Normally no alarm",
            "Default setting",
            "无异常",
        ] {
            assert_eq!(told(&[&format!("bit = 0\nname = \"{name}\"")]), Vec::<String>::new(), "{name}");
        }
    }

    #[test]
    fn a_flag_that_is_read_as_a_number_is_told_unless_its_numbers_have_names() {
        let said = told(&["type = \"u16\"\nlimits.state.at = 1"]);
        assert!(
            said.len() == 1 && said[0].starts_with("state = 1 calls at this very number alone"),
            "{said:?}"
        );
        for keys in [
            "unit = \"bool\"\nlimits.state.at = 1",
            "type = \"u16\"\nlimits.state.at = 3",
            "type = \"u16\"\nlabels = { 0 = \"run\", 1 = \"fault\" }\nlimits.state.at = 1",
            "bit = 3\nlimits.state.at = 0",
        ] {
            assert_eq!(told(&[keys]), Vec::<String>::new(), "{keys}");
        }
    }
}
