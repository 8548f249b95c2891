//! No float and no time makes a detector panic, unknown readings raise and clear nothing, and a restart is as if the
//! time had stood still. All are told by one story: any readings at times that stand, leap and go back, cut somewhere
//! by a restart.

use std::fmt::Debug;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::derive::boiler::Detector;

/// Readings at times, and where the restart falls.
#[derive(Debug, Clone)]
pub(in crate::derive::boiler) struct Story<I> {
    steps: Vec<(I, Duration)>,
    cut: usize,
    /// Where the clock begins after the restart.
    base: Duration,
}

impl<I> Story<I> {
    pub(in crate::derive::boiler) fn map<J>(self, f: impl Fn(I) -> J) -> Story<J> {
        let steps = self.steps.into_iter().map(|(input, at)| (f(input), at)).collect();
        Story { steps, cut: self.cut, base: self.base }
    }
}

/// A reading: mostly plausible, around `usual`; sometimes unknown; sometimes anything a float can be.
pub(in crate::derive::boiler) fn reading(
    usual: std::ops::Range<f64>,
) -> impl Strategy<Value = Option<f64>> + Clone {
    prop_oneof![8 => usual.prop_map(Some), 1 => Just(None), 1 => any::<f64>().prop_map(Some)]
}

/// Mostly a second or a few on; sometimes standing, back, or anywhere.
fn times(n: usize) -> impl Strategy<Value = Vec<Duration>> {
    let one = prop_oneof![
        8 => (500i64..5000).prop_map(Some),
        1 => Just(Some(0)),
        1 => (-100_000i64..100_000).prop_map(Some),
        1 => Just(None),
    ];
    (proptest::collection::vec((one, any::<u64>()), n), any::<u32>()).prop_map(|(leaps, start)| {
        let mut now = i64::from(start);
        leaps
            .into_iter()
            .map(|(leap, anywhere)| match leap {
                Some(leap) => {
                    now = now.saturating_add(leap).max(0);
                    Duration::from_millis(now as u64)
                }
                None => Duration::new(anywhere, 0),
            })
            .collect()
    })
}

pub(in crate::derive::boiler) fn story<S>(input: S) -> impl Strategy<Value = Story<S::Value>>
where
    S: Strategy<Value: Clone> + Clone,
{
    (2usize..120)
        .prop_flat_map(move |n| (proptest::collection::vec(input.clone(), n), times(n), 1..n, any::<u32>()))
        .prop_map(|(inputs, times, cut, base)| {
            let steps = inputs.into_iter().zip(times).collect();
            Story { steps, cut, base: Duration::from_secs(base.into()) }
        })
}

/// One detector lives through the story; another is kept and brought back in its midst, on a clock of another base.
/// For the first one the time stands still meanwhile. From then on both must say the same.
pub(in crate::derive::boiler) fn restart_is_invisible<D: Detector>(
    settings: impl Fn() -> D::Settings,
    story: Story<D::Input>,
) -> Result<(), TestCaseError>
where
    D::Input: Clone,
    D::Output: PartialEq + Debug,
{
    let Story { mut steps, cut, base } = story;
    // Time stands still over the restart.
    let gap = steps[cut].1.abs_diff(steps[cut - 1].1);
    let back = steps[cut].1 < steps[cut - 1].1;
    for (_, at) in &mut steps[cut..] {
        *at = if back { at.saturating_add(gap) } else { at.saturating_sub(gap) };
    }
    let zero = steps[cut].1;
    let (before, after) = steps.split_at(cut);
    let mut through = D::new(settings());
    for (input, at) in before {
        through.step(input.clone(), *at);
    }
    let kept = serde_json::to_string(through.state()).map_err(|e| TestCaseError::fail(e.to_string()))?;
    let state = serde_json::from_str(&kept).map_err(|e| TestCaseError::fail(format!("{e}: {kept}")))?;
    let mut again = D::restored(settings(), state, Some(Duration::ZERO));
    for (step, (input, at)) in after.iter().enumerate() {
        // The same distances on a clock that began elsewhere; what would lie before its beginning ends the story.
        let elsewhere = if *at >= zero { base.checked_add(*at - zero) } else { base.checked_sub(zero - *at) };
        let Some(elsewhere) = elsewhere else { break };
        let (one, other) = (through.step(input.clone(), *at), again.step(input.clone(), elsewhere));
        prop_assert_eq!(one, other, "{} steps after the restart", step);
    }
    Ok(())
}

/// After the story nothing is known any more, for hours: what the detector `tells` stays.
pub(in crate::derive::boiler) fn unknown_changes_nothing<D: Detector, T: PartialEq + Debug>(
    settings: impl Fn() -> D::Settings,
    story: Story<D::Input>,
    tells: impl Fn(D::Output) -> T,
) -> Result<(), TestCaseError>
where
    D::Input: Default,
{
    let mut detector = D::new(settings());
    let mut last = None;
    let mut now = Duration::ZERO;
    for (input, at) in story.steps {
        now = at;
        last = Some(tells(detector.step(input, at)));
    }
    for _ in 0..20 {
        now = now.saturating_add(Duration::from_secs(700));
        let told = Some(tells(detector.step(D::Input::default(), now)));
        prop_assert_eq!(&told, &last);
    }
    Ok(())
}
