//! Figures counted by hand, and proposals that hide nothing that lasts.

use proptest::prelude::*;

use super::chatter::{with_off_delay, with_on_delay};
use super::*;

fn at(second: i64, rule: &str, what: What) -> Happening {
    Happening {
        at: Micros(second * SECOND),
        rule: rule.into(),
        priority: Some(Priority::High),
        what,
        stands: matches!(what, What::Raised(true) | What::Called),
    }
}

fn within(happenings: &[Happening], from: i64, to: i64) -> Figures {
    let past = Past { happenings: happenings.to_vec(), ..Past::default() };
    figures(&past, Micros(from * SECOND), Micros(to * SECOND))
}

fn day(happenings: &[Happening]) -> Figures {
    within(happenings, 0, 86_400)
}

#[test]
fn a_quiet_day_is_good_in_every_figure() {
    let quiet = day(&[]);
    assert_eq!((quiet.calls, quiet.standing, quiet.worst_ten_minutes), (0, 0, 0));
    let verdicts =
        [quiet.per_day_verdict, quiet.flood_verdict, quiet.stale_verdict, quiet.per_ten_minutes_verdict];
    assert_eq!(verdicts, [Verdict::Good; 4]);
    assert_eq!((quiet.answers.len(), quiet.top.len()), (0, 0));
}

#[test]
fn calls_are_counted_by_ten_minutes_day_rule_and_priority() {
    let mut happened = vec![
        at(0, "a", What::Raised(true)),
        Happening { stands: true, ..at(30, "a", What::Acknowledged) },
        at(60, "a", What::Cleared),
        at(100, "b", What::Raised(false)),
        at(200, "b", What::Called),
        at(1000, "a", What::Raised(true)),
        Happening { stands: true, ..at(1090, "a", What::Acknowledged) },
        at(1120, "a", What::Cleared),
    ];
    happened.push(Happening { priority: Some(Priority::Critical), ..at(2000, "c", What::Raised(true)) });
    let figures = day(&happened);
    assert_eq!((figures.calls, figures.worst_ten_minutes, figures.standing), (4, 2, 2));
    assert!((figures.per_day - 4.0).abs() < 1e-9);
    assert_eq!((figures.top[0].rule.as_str(), figures.top[0].calls, figures.top[0].percent), ("a", 2, 50.0));
    let [critical, high] = &figures.answers[..] else { panic!("{:?}", figures.answers) };
    assert_eq!((critical.priority, critical.calls, critical.unanswered), (Some("critical"), 1, 1));
    let acknowledged = high.acknowledged.as_ref().expect("twice");
    assert_eq!((acknowledged.count, acknowledged.median_s, acknowledged.p90_s), (2, 30.0, 90.0));
    assert_eq!((high.unanswered, high.returned.as_ref().map(|r| r.median_s)), (1, Some(60.0)));
}

#[test]
fn an_alarm_whose_limit_was_taken_out_of_the_settings_stands_no_more() {
    let removed = Happening { priority: None, ..at(0, "gone", What::Raised(true)) };
    let figures = within(&[removed, at(10, "a", What::Raised(true))], 0, 200_000);
    assert_eq!((figures.standing, figures.stale.len(), figures.calls), (1, 1, 2));
}

#[test]
fn the_spread_over_priorities_has_a_verdict() {
    let of = |critical: usize, high: usize, low: usize| {
        let one = |n: usize, priority| (0..n).map(move |k| (priority, k));
        let all =
            one(critical, Priority::Critical).chain(one(high, Priority::High)).chain(one(low, Priority::Low));
        let happened: Vec<Happening> = all
            .enumerate()
            .map(|(n, (priority, _))| Happening {
                priority: Some(priority),
                ..at(n as i64 * 600, &format!("r{n}"), What::Raised(true))
            })
            .collect();
        day(&happened).spread_verdict
    };
    assert_eq!(
        [of(5, 15, 80), of(8, 15, 77), of(5, 25, 70)],
        [Verdict::Good, Verdict::Watch, Verdict::Watch]
    );
    assert_eq!([of(11, 5, 84), of(2, 31, 67)], [Verdict::Act; 2]);
    assert_eq!(of(10, 0, 0), Verdict::Good, "of so few nothing can be said");
}

#[test]
fn a_flood_begins_with_eleven_calls_in_ten_minutes_and_lasts_until_fewer_than_five_are_that_young() {
    let mut happened: Vec<Happening> =
        (0..12).map(|n| at(n * 20, &format!("r{n}"), What::Raised(true))).collect();
    happened.push(at(3000, "later", What::Raised(true)));
    let flooded = day(&happened);
    assert_eq!(flooded.floods.len(), 1);
    let flood = &flooded.floods[0];
    // The fifth newest came at 140 s.
    assert_eq!((flood.calls, flood.to.as_str()), (12, "1970-01-01T00:12:20.000000Z"));
    assert!((flooded.flood_percent - 740.0 / 864.0).abs() < 1e-9, "{}", flooded.flood_percent);
    assert_eq!(day(&happened[..10]).floods, []);
    // A burst within a second is a flood of ten minutes, and no longer than the span.
    let burst: Vec<Happening> = (0..11).map(|n| at(0, &format!("r{n}"), What::Raised(true))).collect();
    assert!((day(&burst).flood_percent - 600.0 / 864.0).abs() < 1e-9);
    assert!((within(&burst, 0, 300).flood_percent - 100.0).abs() < 1e-9);
}

#[test]
fn a_flood_goes_on_while_five_are_young_and_a_later_one_is_another() {
    let raise = |t: i64| at(t, "r", What::Raised(true));
    let mut times: Vec<i64> = (0..11).collect();
    // A little faster than every two minutes: five within ten, as long as it goes on.
    times.extend((1..20).map(|n| n * 119));
    times.extend((0..11).map(|n| 10_000 + n));
    let happened: Vec<Happening> = times.iter().map(|t| raise(*t)).collect();
    let floods = day(&happened).floods;
    assert_eq!(floods.iter().map(|f| f.calls).collect::<Vec<_>>(), [30, 11]);
}

#[test]
fn what_stands_for_more_than_a_day_is_stale_also_when_it_was_raised_before_the_span() {
    let happened = [at(0, "old", What::Raised(true)), at(10, "new", What::Raised(true))];
    let seen = within(&happened, 0, 86_405);
    assert_eq!(seen.stale.iter().map(|s| s.0.as_str()).collect::<Vec<_>>(), ["old"]);
    assert_eq!((seen.standing, seen.stale_verdict), (2, Verdict::Good));

    let stood = |rule: &str| Standing { rule: rule.to_owned(), priority: None, since: Micros(0) };
    let mut past = Past { standing: vec![stood("a"), stood("b"), stood("c")], ..Past::default() };
    past.happenings.push(Happening { stands: true, ..at(200_000, "a", What::Acknowledged) });
    past.happenings.push(at(200_000, "b", What::Cleared));
    // Aside is not standing.
    past.happenings.push(at(200_000, "c", What::Moved));
    let seen = figures(&past, Micros(190_000 * SECOND), Micros(210_000 * SECOND));
    assert_eq!(seen.stale, [("a".to_owned(), "1970-01-01T00:00:00.000000Z".to_owned())]);
    assert_eq!(seen.standing, 1);
}

#[test]
fn the_pyramid_counts_from_hazards_down_to_what_only_came_near() {
    let near = |rule: &str, beyond| (rule.to_owned(), beyond);
    let past = Past {
        happenings: vec![at(5, "a", What::Raised(true))],
        hazards: vec![HazardLevel::Major, HazardLevel::General, HazardLevel::General],
        precursors: vec![near("a", true), near("b", false), near("a", false), near("a", true)],
        ..Past::default()
    };
    let seen = figures(&past, Micros(0), Micros(3600 * SECOND));
    let Pyramid { major, general, alarms, delayed, near } = seen.pyramid;
    assert_eq!((major, general, alarms, delayed, near), (1, 2, 1, 2, 2));
    let nearly: Vec<_> = seen.nearly.iter().map(|a| (a.rule.as_str(), a.calls, a.percent)).collect();
    assert_eq!(nearly, [("a", 3, 75.0), ("b", 1, 25.0)]);
}

#[test]
fn calls_over_time_are_all_there_in_a_few_hundred_steps_however_long_the_span() {
    let hours = [8, 24 * 7, 24 * 30, 24 * 4000];
    for (hours, (step, steps)) in
        hours.into_iter().zip([(600, 48), (3600, 168), (86_400, 30), (950_400, 364)])
    {
        let end = hours * 3600;
        let happened = [0, end / 2, end - 1].map(|t| at(t, "a", What::Raised(true)));
        let Timeline { step_s, calls } = within(&happened, 0, end).timeline;
        assert_eq!((step_s, calls.len()), (step, steps), "{hours} h");
        assert_eq!(calls.iter().sum::<usize>(), 3, "{hours} h");
        assert_eq!((calls[0], calls[steps - 1]), (1, 1), "{hours} h");
    }
}

#[test]
fn a_chattering_alarm_is_named_with_the_shortest_delay_that_quietens_it() {
    // Two seconds on, eight off, for five minutes.
    let happened: Vec<Happening> = (0..30)
        .flat_map(|n| [at(n * 10, "gas", What::Raised(true)), at(n * 10 + 2, "gas", What::Cleared)])
        .collect();
    let found = day(&happened).chattering;
    assert_eq!((found.len(), found[0].raises, found[0].most_a_minute), (1, 30, 6));
    assert_eq!((found[0].longer_on_delay, found[0].longer_off_delay), (Some((3, 0)), Some((10, 1))));
    // A critical one may not wait that long, but may be held longer.
    let critical: Vec<Happening> =
        happened.into_iter().map(|h| Happening { priority: Some(Priority::Critical), ..h }).collect();
    let found = day(&critical).chattering;
    assert_eq!((found[0].longer_on_delay, found[0].longer_off_delay), (Some((3, 0)), None));
}

#[test]
fn an_alarm_that_comes_twice_a_minute_and_stays_is_no_chatter() {
    let happened =
        [0, 40, 80, 120].map(|t| [at(t, "a", What::Raised(true)), at(t + 30, "a", What::Cleared)]).concat();
    assert_eq!(day(&happened).chattering, []);
}

proptest! {
    #[test]
    fn a_longer_delay_never_leaves_more_and_never_hides_what_lasts(
        lengths in prop::collection::vec((1i64..100, 1i64..100), 1..60),
        delays in (1i64..60, 1i64..60),
    ) {
        let mut t = 0;
        let episodes: Vec<(i64, Option<i64>)> = lengths.iter().map(|(on, off)| {
            let raised = t;
            t += on + off;
            (raised * SECOND, Some((raised + on) * SECOND))
        }).collect();
        let (short, long) = (delays.0.min(delays.1) * SECOND, delays.0.max(delays.1) * SECOND);
        prop_assert!(with_on_delay(&episodes, long) <= with_on_delay(&episodes, short));
        prop_assert!(with_off_delay(&episodes, long) <= with_off_delay(&episodes, short));
        prop_assert!(with_off_delay(&episodes, long) >= 1, "the first is always told");
        let lasting = episodes.iter().filter(|e| e.1.is_some_and(|end| end - e.0 >= long)).count();
        prop_assert_eq!(with_on_delay(&episodes, long), lasting);
    }
}
