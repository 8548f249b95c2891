//! Topic → what was configured for it, by a tree of levels: the cost grows with the depth of the
//! topic, not with the number of devices. Pure.

use std::collections::HashMap;

use crate::settings::{Template, TopicLevel};

/// What a topic matched, and what stood at its placeholders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match<'t> {
    /// As given by [`Routes::insert`].
    pub entry: usize,
    /// The level that names the device.
    pub device: Option<&'t str>,
    /// The level that names the point.
    pub point: Option<&'t str>,
}

#[derive(Debug, Default)]
struct Node {
    literal: HashMap<Box<str>, usize>,
    any: Option<usize>,
    here: Vec<usize>,
    rest: Vec<usize>,
}

#[derive(Debug)]
struct Entry {
    device: Option<usize>,
    point: Option<usize>,
}

/// The tree.
#[derive(Debug)]
pub struct Routes {
    nodes: Vec<Node>,
    entries: Vec<Entry>,
}

impl Default for Routes {
    fn default() -> Self {
        Self { nodes: vec![Node::default()], entries: Vec::new() }
    }
}

impl Routes {
    /// Adds a template; templates that match the same topics and name the same levels are one entry.
    pub fn insert(&mut self, template: &Template) -> usize {
        let mut at = 0;
        let mut rest = false;
        for level in template.levels() {
            let next = self.nodes.len();
            let node = &mut self.nodes[at];
            at = match level {
                TopicLevel::Literal(text) => *node.literal.entry(text.as_str().into()).or_insert(next),
                TopicLevel::Rest => {
                    rest = true;
                    break;
                }
                TopicLevel::Any | TopicLevel::Device | TopicLevel::Point => *node.any.get_or_insert(next),
            };
            if at == next {
                self.nodes.push(Node::default());
            }
        }
        let place = |wanted: &TopicLevel| template.levels().iter().position(|l| l == wanted);
        let (device, point) = (place(&TopicLevel::Device), place(&TopicLevel::Point));
        let node = &mut self.nodes[at];
        let list = if rest { &mut node.rest } else { &mut node.here };
        let same = |e: &&usize| self.entries[**e].device == device && self.entries[**e].point == point;
        if let Some(entry) = list.iter().find(same) {
            return *entry;
        }
        list.push(self.entries.len());
        self.entries.push(Entry { device, point });
        self.entries.len() - 1
    }

    /// All entries that `topic` matches (MQTT 5.0, 4.7), into `out`.
    pub fn find<'t>(&self, topic: &'t str, out: &mut Vec<Match<'t>>) {
        let levels: Vec<&'t str> = topic.split('/').collect();
        self.walk(0, &levels, 0, out);
    }

    fn walk<'t>(&self, at: usize, levels: &[&'t str], depth: usize, out: &mut Vec<Match<'t>>) {
        let node = &self.nodes[at];
        // Topics that begin with `$` belong to the broker: no wildcard at their first level.
        let wild = depth > 0 || !levels[0].starts_with('$');
        let mut add = |list: &[usize]| {
            out.extend(list.iter().map(|entry| {
                let Entry { device, point } = self.entries[*entry];
                let level = |n: Option<usize>| n.and_then(|n| levels.get(n).copied());
                Match { entry: *entry, device: level(device), point: level(point) }
            }));
        };
        if wild {
            add(&node.rest);
        }
        let Some(level) = levels.get(depth) else {
            add(&node.here);
            return;
        };
        if let Some(next) = node.literal.get(*level) {
            self.walk(*next, levels, depth + 1, out);
        }
        if let Some(next) = node.any.filter(|_| wild) {
            self.walk(next, levels, depth + 1, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Match, Routes};
    use crate::settings::Template;

    fn matches(filter: &str, topic: &str) -> bool {
        let mut routes = Routes::default();
        routes.insert(&Template::parse(filter).expect("good"));
        let mut found = Vec::new();
        routes.find(topic, &mut found);
        !found.is_empty()
    }

    #[test]
    fn filters_match_topics_as_the_specification_says() {
        for (filter, topic) in [
            ("a/b", "a/b"),
            ("a/+", "a/b"),
            ("a/#", "a"),
            ("a/#", "a/b/c"),
            ("#", "x/y"),
            ("+/+", "/x"),
            ("/+", "/x"),
            ("$share/g/a/+", "a/b"),
            ("$SYS/#", "$SYS/broker"),
        ] {
            assert!(matches(filter, topic), "{filter} {topic}");
        }
        for (filter, topic) in
            [("a/b", "a/c"), ("a/+", "a/b/c"), ("a/+", "a"), ("a", "a/b"), ("#", "$SYS/x"), ("+/x", "$SYS/x")]
        {
            assert!(!matches(filter, topic), "{filter} {topic}");
        }
    }

    #[test]
    fn placeholders_are_captured_and_equal_templates_are_one_entry() {
        let mut routes = Routes::default();
        let template = |text: &str| Template::parse(text).expect("good");
        let data = routes.insert(&template("plant/{device}/data"));
        assert_eq!(routes.insert(&template("plant/{device}/data")), data);
        let point = routes.insert(&template("plant/{device}/{point}"));
        let plain = routes.insert(&template("plant/+/data"));
        let mut found = Vec::new();
        routes.find("plant/b7/data", &mut found);
        found.sort_by_key(|m| m.entry);
        assert_eq!(
            found,
            [
                Match { entry: data, device: Some("b7"), point: None },
                Match { entry: point, device: Some("b7"), point: Some("data") },
                Match { entry: plain, device: None, point: None },
            ]
        );
    }

    /// The specification's matching, level by level, without a tree.
    fn slow(filter: &[&str], topic: &[&str]) -> bool {
        match (filter.first(), topic.first()) {
            (Some(&"#"), _) | (None, None) => true,
            (Some(&"+"), Some(_)) => slow(&filter[1..], &topic[1..]),
            (Some(f), Some(t)) if f == t => slow(&filter[1..], &topic[1..]),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn the_tree_finds_what_a_plain_comparison_finds(
            filters in prop::collection::vec("(a|b|\\+)(/(a|b|\\+)){0,3}(/#)?", 1..8),
            topic in "(a|b)(/(a|b)){0,4}",
        ) {
            let mut routes = Routes::default();
            let entries: Vec<usize> =
                filters.iter().map(|f| routes.insert(&Template::parse(f).unwrap())).collect();
            let mut found = Vec::new();
            routes.find(&topic, &mut found);
            let levels: Vec<&str> = topic.split('/').collect();
            for (filter, entry) in filters.iter().zip(&entries) {
                let wanted = slow(&filter.split('/').collect::<Vec<_>>(), &levels);
                prop_assert_eq!(found.iter().filter(|m| m.entry == *entry).count(), usize::from(wanted));
            }
        }
    }
}
