//! The detectors of `boiler` as the settings see them: a kind by name, named inputs with their units, numbers to set,
//! and the points they make. A table ([`KINDS`]) and one adapter for all of them.
//!
//! An instrument is stepped with what its inputs say, in the units that it declares, and writes what it knows; what it
//! does not know is NaN. It remembers over a restart. Called by the settings, which check names and units, and by the
//! engine.

mod kinds;
mod run;

use std::time::Duration;

pub use kinds::KINDS;
use run::Running;

use crate::plant::{HazardLevel, Priority};

/// One kind of instrument.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// As it is written: `safety-valve`.
    pub word: &'static str,
    /// What it reads.
    pub inputs: &'static [Port],
    /// What can be set.
    pub numbers: &'static [Number],
    /// Points that it makes.
    pub outputs: &'static [Output],
    make: fn(&[f64]) -> Box<dyn Running>,
}

/// An input.
#[derive(Debug, Clone, Copy)]
pub struct Port {
    /// Key in the settings.
    pub key: &'static str,
    /// What is given is converted to this; `bool` wants a discrete point.
    pub unit: &'static str,
    /// Without it the instrument knows nothing.
    pub needed: bool,
    /// What it reads where nothing is named; `None`: it is unknown.
    pub absent: Option<f64>,
}

/// A number to set.
#[derive(Debug, Clone, Copy)]
pub struct Number {
    /// Key in the settings, with its unit.
    pub key: &'static str,
    /// If nothing is written.
    pub usual: f64,
    /// Bounds.
    pub from: f64,
    /// Bounds.
    pub to: f64,
}

/// A point that it makes: `ID_key`.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// End of the point's id.
    pub key: &'static str,
    /// Unit; `bool` for yes or no.
    pub unit: &'static str,
    /// 中文
    pub zh: &'static str,
    /// English
    pub en: &'static str,
    /// Decimals shown.
    pub decimals: u8,
    /// It calls when it is true, and perhaps opens a hazard, unless the settings say otherwise.
    pub alarm: Option<(Priority, Option<HazardLevel>)>,
}

/// The kind of this name.
#[must_use]
pub fn kind(word: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|k| k.word == word)
}

/// One instrument at work.
#[derive(Debug)]
pub struct Instrument {
    kind: &'static Kind,
    numbers: Box<[f64]>,
    running: Box<dyn Running>,
    /// What it said last: results of something that has ended stay until the next.
    said: Box<[f64]>,
}

impl Instrument {
    /// One that remembers nothing; `numbers` in the order of [`Kind::numbers`].
    #[must_use]
    pub fn new(kind: &'static Kind, numbers: &[f64]) -> Self {
        let said = vec![f64::NAN; kind.outputs.len()].into();
        Self { kind, numbers: numbers.into(), running: (kind.make)(numbers), said }
    }

    /// One step: `inputs` in the order of [`Kind::inputs`], `None` for what is unknown. Gives what it says, in the
    /// order of [`Kind::outputs`], NaN for what it does not know.
    pub fn step(&mut self, inputs: &[Option<f64>], mono: Duration) -> &[f64] {
        self.running.step(inputs, mono, &mut self.said);
        &self.said
    }

    /// What it remembers, as JSON.
    #[must_use]
    pub fn save(&self) -> Option<String> {
        let said: Vec<Option<f64>> = self.said.iter().map(|v| Some(*v).filter(|v| v.is_finite())).collect();
        serde_json::to_string(&(said, self.running.save()?)).ok()
    }

    /// Goes on where `saved` left off, `away` ago if that is known; what does not fit is left aside.
    pub fn restore(&mut self, saved: &str, away: Option<Duration>) -> bool {
        let Ok((said, memory)) = serde_json::from_str::<(Vec<Option<f64>>, String)>(saved) else {
            return false;
        };
        if said.len() != self.said.len() || !self.running.restore(&self.numbers, &memory, away) {
            return false;
        }
        for (to, from) in self.said.iter_mut().zip(said) {
            *to = from.unwrap_or(f64::NAN);
        }
        true
    }
}

impl Clone for Instrument {
    fn clone(&self) -> Self {
        let (numbers, said) = (self.numbers.clone(), self.said.clone());
        Self { kind: self.kind, numbers, running: self.running.copy(), said }
    }
}
