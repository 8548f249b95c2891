//! Laws that hold for every detector.

pub(super) mod laws;
