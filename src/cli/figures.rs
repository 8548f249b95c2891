//! `steamward figures`: how well the alarm system did, from the ledger. Reads only; the gateway may run on beside it.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::alarm::figures::{Actor, Figures, Times, Verdict};
use crate::exit;
use crate::plant::Micros;
use crate::settings;
use crate::store::LedgerReader;

/// If no time is given.
const USUAL: Duration = Duration::from_secs(7 * 86_400);

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Folder with the settings.
    #[arg(default_value = "config")]
    dir: PathBuf,
    /// Folder with ledger.db, if not the one that the settings name.
    #[arg(long)]
    data: Option<PathBuf>,
    /// From when, RFC 3339, or as `7d` before now.
    #[arg(long)]
    from: Option<String>,
    /// Until when, RFC 3339; now if not given.
    #[arg(long)]
    to: Option<String>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn figures(options: &Options) -> i32 {
    let loaded = match super::load(&options.dir) {
        Ok(loaded) => loaded,
        Err(faults) => {
            super::refuse(&faults);
            return exit::SETTINGS;
        }
    };
    let file = options.data.clone().unwrap_or(loaded.settings.store.dir).join("ledger.db");
    let span = match span(options) {
        Ok(span) => span,
        Err(problem) => {
            complain!("{problem}");
            return exit::SETTINGS;
        }
    };
    let plant = &loaded.settings.plant;
    let of =
        |ledger: LedgerReader| ledger.figures(span, plant).map_err(|e| format!("{}: {e}", file.display()));
    match super::ledger_in(&file).and_then(of) {
        Ok(figures) if options.json => {
            say!("{}", serde_json::to_string_pretty(&figures).unwrap_or_default());
            exit::FINE
        }
        Ok(figures) => {
            say!("{}", text(&figures).trim_end());
            exit::FINE
        }
        Err(e) => {
            complain!("{e}");
            exit::FAILED
        }
    }
}

fn span(options: &Options) -> Result<(Micros, Micros), String> {
    let moment = |text: &str, option: &str| {
        text.parse::<jiff::Timestamp>().map(|t| Micros(t.as_microsecond())).map_err(|_| {
            format!("{option} {text}: no such time; write it like 2026-11-24T08:00:00Z, or --from 7d")
        })
    };
    let to =
        options.to.as_deref().map_or_else(|| Ok(crate::clock::wall_now()), |text| moment(text, "--to"))?;
    let from = match options.from.as_deref() {
        None => to.minus(USUAL),
        Some(text) => match settings::duration(text) {
            Some(back) => to.minus(back),
            None => moment(text, "--from")?,
        },
    };
    if from < to {
        Ok((from, to))
    } else {
        Err(format!(
            "nothing lies between {} and {}: --from must be before --to, which is now if not given",
            from.rfc3339(),
            to.rfc3339()
        ))
    }
}

fn actors(list: &[Actor]) -> String {
    let line = |a: &Actor| format!("  {:<50} {:>6} {:>6.1} %\n", a.rule, a.calls, a.percent);
    list.iter().map(line).collect()
}

fn text(f: &Figures) -> String {
    let word = |v: Verdict| match v {
        Verdict::Good => "良好 good",
        Verdict::Watch => "关注 watch",
        Verdict::Act => "须改进 act",
    };
    let mut out = format!("{} – {}\n\n", f.from, f.to);
    let mut line =
        |what: &str, value: String, verdict: &str| out += &format!("{what:<44} {value:>12}  {verdict}\n");
    line("报警次数 calls", f.calls.to_string(), "");
    line(
        "每 10 分钟平均 average in 10 min (≤ 1)",
        format!("{:.2}", f.per_ten_minutes),
        word(f.per_ten_minutes_verdict),
    );
    line("每小时平均 average in an hour (≤ 6)", format!("{:.2}", f.per_hour), word(f.per_hour_verdict));
    line("每天平均 average a day (≤ 150)", format!("{:.1}", f.per_day), word(f.per_day_verdict));
    line("10 分钟最多 most in 10 min", f.worst_ten_minutes.to_string(), "");
    line("1 小时最多 most in an hour", f.worst_hour.to_string(), "");
    line("洪泛 floods (> 10 in 10 min)", f.floods.len().to_string(), "");
    line("洪泛时间占比 time in flood (< 1 %)", format!("{:.2} %", f.flood_percent), word(f.flood_verdict));
    line("当前未恢复 standing", f.standing.to_string(), "");
    line("滞留 > 24 h stale (< 5)", f.stale.len().to_string(), word(f.stale_verdict));
    line(
        "优先级分布 spread (critical ≤ 5 %, high ≤ 15 %; EEMUA 191, ISA-18.2)",
        String::new(),
        word(f.spread_verdict),
    );
    out +=
        "\n优先级 priority    次数 calls     占比 share   确认 acknowledged (median, 90 %)   未确认 open\n";
    for a in &f.answers {
        let times = |t: &Option<Times>| {
            t.as_ref().map_or_else(|| "—".to_owned(), |t| format!("{:.0} s, {:.0} s", t.median_s, t.p90_s))
        };
        out += &format!(
            "{:<16} {:>12} {:>11.1} % {:>32} {:>14}\n",
            a.priority.unwrap_or("—"),
            a.calls,
            a.percent,
            times(&a.acknowledged),
            a.unanswered
        );
    }
    out += "\n事故金字塔 pyramid\n";
    let p = &f.pyramid;
    for (what, count) in [
        ("重大隐患 major hazards", p.major),
        ("一般隐患 general hazards", p.general),
        ("报警 alarms", p.alarms),
        ("延时内恢复 back within the delay", p.delayed),
        ("接近限值 near a limit", p.near),
    ] {
        out += &format!("  {what:<42} {count:>8}\n");
    }
    if !f.nearly.is_empty() {
        out += "\n险些越限最多 most often nearly an alarm\n";
    }
    out += &actors(&f.nearly);
    out += &format!("\n最多的报警 most frequent ({:.0} %)\n", f.top_percent);
    out += &actors(&f.top);
    if !f.stale.is_empty() {
        out += "\n滞留 stale\n";
    }
    for (rule, since) in &f.stale {
        out += &format!("  {rule:<50} {since}\n");
    }
    if !f.chattering.is_empty() {
        out += "\n抖动 chattering, and the delay that would have quietened it\n";
    }
    for c in &f.chattering {
        let delay = |what: &str, d: Option<(u32, usize)>| {
            d.map_or_else(String::new, |(s, left)| format!("  {what} +{s} s: {left}"))
        };
        out += &format!(
            "  {:<50} {:>6}, {} a minute{}{}\n",
            c.rule,
            c.raises,
            c.most_a_minute,
            delay("off_delay", c.longer_off_delay),
            delay("on_delay", c.longer_on_delay)
        );
    }
    out
}
