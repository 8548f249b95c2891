//! Steamward.

pub mod plant;
pub mod settings;
