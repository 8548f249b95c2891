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

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::Template;

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
