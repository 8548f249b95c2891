//! Topic templates: a topic filter in which a level may name the device or the point.

use std::fmt;

/// One level of a template.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TopicLevel {
    /// This text.
    Literal(String),
    /// Any one level: `+`, or a name in braces without a meaning of its own.
    Any,
    /// Any one level, which names the device: `{device}`.
    Device,
    /// Any one level, which names the point: `{point}`.
    Point,
    /// All the rest: `#`.
    Rest,
}

/// A checked topic template such as `plant/{device}/data` or `$share/gw/plant/+/#`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Template {
    text: String,
    share: Option<String>,
    levels: Vec<TopicLevel>,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// What is wrong with it, in words (MQTT 5.0, 4.7 and 4.8.2).
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.contains('\0') || text.len() > 65_535 {
            return Err("no topic filter".to_owned());
        }
        let (share, rest) = match text.strip_prefix("$share/") {
            None => (None, text),
            Some(shared) => match shared.split_once('/') {
                Some((group, rest))
                    if !group.is_empty() && !group.contains(['+', '#', '{', '}']) && !rest.is_empty() =>
                {
                    (Some(group.to_owned()), rest)
                }
                _ => return Err("a shared subscription is `$share/GROUP/FILTER`".to_owned()),
            },
        };
        let count = rest.split('/').count();
        let mut levels = Vec::with_capacity(count);
        for (n, level) in rest.split('/').enumerate() {
            levels.push(match level {
                "+" => TopicLevel::Any,
                "#" if n + 1 == count => TopicLevel::Rest,
                "{device}" => TopicLevel::Device,
                "{point}" => TopicLevel::Point,
                _ => match level.strip_prefix('{').and_then(|l| l.strip_suffix('}')) {
                    Some(name) if !name.is_empty() && !name.contains(['{', '}', '+', '#']) => TopicLevel::Any,
                    None if !level.contains(['+', '#', '{', '}']) => TopicLevel::Literal(level.to_owned()),
                    _ => return Err(format!("`{level}` may not stand there")),
                },
            });
        }
        for twice in [TopicLevel::Device, TopicLevel::Point] {
            if levels.iter().filter(|l| **l == twice).count() > 1 {
                return Err("a placeholder stands there twice".to_owned());
            }
        }
        Ok(Self { text: text.to_owned(), share, levels })
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The levels, without the share.
    #[must_use]
    pub fn levels(&self) -> &[TopicLevel] {
        &self.levels
    }

    /// True if a level of the topic names the device.
    #[must_use]
    pub fn has_device(&self) -> bool {
        self.levels.contains(&TopicLevel::Device)
    }

    /// True if a level of the topic names the point.
    #[must_use]
    pub fn has_point(&self) -> bool {
        self.levels.contains(&TopicLevel::Point)
    }

    /// The filter to subscribe to: placeholders become `+`.
    #[must_use]
    pub fn filter(&self) -> String {
        let mut filter = self.share.as_ref().map_or_else(String::new, |group| format!("$share/{group}/"));
        for (n, level) in self.levels.iter().enumerate() {
            if n > 0 {
                filter.push('/');
            }
            filter.push_str(match level {
                TopicLevel::Literal(text) => text,
                TopicLevel::Rest => "#",
                _ => "+",
            });
        }
        filter
    }
}

/// Levels of a filter, without its share.
fn levels(filter: &str) -> Vec<&str> {
    let plain = filter.strip_prefix("$share/").and_then(|s| s.split_once('/')).map_or(filter, |s| s.1);
    plain.split('/').collect()
}

/// A wildcard as the first level takes no topic that begins with `$` (MQTT 5.0, 4.7.2).
fn is_kept_from(wildcard: &str, first: &str) -> bool {
    matches!(wildcard, "+" | "#") && first.starts_with('$')
}

/// True if `filter` takes messages of the topic `name`.
#[must_use]
pub fn matches(filter: &str, name: &str) -> bool {
    covers(filter, name)
}

/// True if `filter` takes all that `other` takes; a shared subscription covers nothing and is covered by nothing
/// but itself.
#[must_use]
pub fn covers(filter: &str, other: &str) -> bool {
    if filter == other {
        return true;
    }
    if other.starts_with("$share/") {
        return false;
    }
    let (wide, narrow) = (levels(filter), levels(other));
    if is_kept_from(wide[0], narrow[0]) {
        return false;
    }
    for (n, level) in wide.iter().enumerate() {
        match (*level, narrow.get(n).copied()) {
            // It takes the level above too.
            ("#", _) => return true,
            (_, None) => return false,
            ("+", Some(below)) if below != "#" => {}
            (level, Some(below)) if level == below && level != "+" => {}
            _ => return false,
        }
    }
    wide.len() == narrow.len()
}

/// True if some topic is taken by both filters.
#[must_use]
pub fn overlap(one: &str, other: &str) -> bool {
    let (a, b) = (levels(one), levels(other));
    if is_kept_from(a[0], b[0]) || is_kept_from(b[0], a[0]) {
        return false;
    }
    for n in 0.. {
        match (a.get(n).copied(), b.get(n).copied()) {
            (Some("#"), _) | (_, Some("#")) | (None, None) => return true,
            (Some(one), Some(other)) if one == "+" || other == "+" || one == other => {}
            _ => return false,
        }
    }
    false
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::{Template, covers, matches, overlap};

    #[test]
    fn filters_that_take_the_same_topics_are_known() {
        for (wide, narrow) in [
            ("plant/#", "plant/+/data"),
            ("plant/#", "plant"),
            ("+/+", "a/b"),
            ("#", "a/+/#"),
            ("plant/+/data", "plant/b1/data"),
        ] {
            assert!(
                covers(wide, narrow) && overlap(wide, narrow) && overlap(narrow, wide),
                "{wide} {narrow}"
            );
            assert!(!covers(narrow, wide), "{narrow} {wide}");
        }
        for (one, other) in [("a/+/c", "a/b/+"), ("+/b", "a/+"), ("a/+/#", "+/b")] {
            assert!(overlap(one, other) && !covers(one, other) && !covers(other, one), "{one} {other}");
        }
        for (one, other) in
            [("a/+", "a/b/c"), ("a/b", "a/c"), ("#", "$SYS/x"), ("+/x", "$SYS/x"), ("a/+", "a")]
        {
            assert!(!overlap(one, other) && !covers(one, other), "{one} {other}");
        }
        assert!(!covers("plant/#", "$share/g/plant/a"), "a shared subscription has messages of its own");
        assert!(matches("plant/+/data", "plant/b1/data") && !matches("plant/+/data", "plant/b1/x"));
        assert!(matches("$share/g/plant/#", "plant/b1"));
    }

    #[test]
    fn placeholders_are_subscribed_as_one_level_each() {
        for (template, filter) in [
            ("plant/{device}/data", "plant/+/data"),
            ("{site}/{device}/{point}", "+/+/+"),
            ("$share/gw/plant/{device}/#", "$share/gw/plant/+/#"),
            ("/neuron/app", "/neuron/app"),
            ("#", "#"),
        ] {
            assert_eq!(Template::parse(template).expect("good").filter(), filter);
        }
    }

    #[test]
    fn what_the_specification_forbids_is_refused() {
        for wrong in ["", "a/#/b", "a+/b", "a/{device", "{device}/{device}", "$share/g", "$share//a", "a/{}"]
        {
            assert!(Template::parse(wrong).is_err(), "{wrong}");
        }
    }
}
