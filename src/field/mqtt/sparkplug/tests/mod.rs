//! The rules as sentences, a model that judges random traffic, and the bytes of other people's nodes.

mod bench;
mod model;
mod peers;
mod rules;
mod structures;
mod trees;
mod units;
