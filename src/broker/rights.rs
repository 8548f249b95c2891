//! What a user may do: topics it may publish to and subscribe to, and client ids it may use. Pure.

use super::words::User;

/// Longest client id that the broker takes.
const LONGEST_ID: usize = 128;

/// Why a client id cannot be used at all, whoever comes with it.
pub(super) fn wrong_id(id: &str) -> Option<String> {
    if id.is_empty() {
        return Some("an empty client id".to_owned());
    }
    if id.len() > LONGEST_ID {
        return Some(format!("a client id of more than {LONGEST_ID} bytes"));
    }
    // In a filter with %c these would open the topics of others.
    if let Some(wrong) = id.chars().find(|c| matches!(c, '/' | '+' | '#' | '$' | '\\') || c.is_control()) {
        return Some(format!("a client id with {wrong:?}"));
    }
    None
}

impl User {
    /// It may use this client id.
    pub(super) fn may_be(&self, id: &str) -> bool {
        let fits = |pattern: &String| match pattern.strip_suffix('*') {
            Some(start) => id.starts_with(start),
            None => pattern == id,
        };
        self.client_ids.is_empty() || self.client_ids.iter().any(fits)
    }

    /// It may publish to this topic.
    pub(super) fn may_publish(&self, id: &str, topic: &str) -> bool {
        may_publish_at_all(topic) && self.publish.iter().any(|f| covers(&self.filter(f, id), topic))
    }

    /// It may subscribe to this filter, with `$share/GROUP/` in front or not.
    pub(super) fn may_subscribe(&self, id: &str, filter: &str) -> bool {
        let Some(filter) = without_share(filter) else { return false };
        self.subscribe.iter().any(|f| covers(&self.filter(f, id), filter))
    }

    fn filter(&self, written: &str, id: &str) -> String {
        let level = |level: &str| match level {
            "%c" => id.to_owned(),
            "%u" => self.name.clone(),
            other => other.to_owned(),
        };
        written.split('/').map(level).collect::<Vec<_>>().join("/")
    }
}

/// The broker's own topics are nobody's to write.
pub(super) fn may_publish_at_all(topic: &str) -> bool {
    topic.split('/').next() != Some("$SYS") && !topic.starts_with("$share/")
}

fn without_share(filter: &str) -> Option<&str> {
    match filter.strip_prefix("$share/") {
        Some(rest) => rest.split_once('/').map(|(_, filter)| filter),
        None => Some(filter),
    }
}

/// Everything that `asked`, a topic or a filter, can match is matched by `granted`. A right to every
/// topic (`#`) holds for topics that begin with `$` too.
fn covers(granted: &str, asked: &str) -> bool {
    if granted == "#" {
        return true;
    }
    let (mut granted, mut asked) = (granted.split('/').peekable(), asked.split('/').peekable());
    // `+` in front does not match what begins with `$` (MQTT 5.0, 4.7.2).
    if granted.peek() == Some(&"+") && asked.peek().is_some_and(|level| level.starts_with('$')) {
        return false;
    }
    loop {
        match (granted.next(), asked.next()) {
            (None, None) => return true,
            // `a/#` matches `a` as well.
            (Some("#"), _) => return true,
            (Some("+"), Some(level)) if level != "#" => {}
            (Some(one), Some(other)) if one == other => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{User, covers, may_publish_at_all, wrong_id};

    fn user(publish: &[&str], subscribe: &[&str], client_ids: &[&str]) -> User {
        let texts = |of: &[&str]| of.iter().map(|t| (*t).to_owned()).collect();
        User {
            name: "dtu".to_owned(),
            password: "x".to_owned(),
            publish: texts(publish),
            subscribe: texts(subscribe),
            client_ids: texts(client_ids),
        }
    }

    #[test]
    fn a_right_covers_exactly_the_topics_and_filters_within_it() {
        for (granted, asked, is) in [
            ("#", "a/b", true),
            ("#", "$oc/devices/1", true),
            ("#", "#", true),
            ("a/#", "a", true),
            ("a/#", "a/b/c", true),
            ("a/#", "a/#", true),
            ("a/#", "a/+/c", true),
            ("a/#", "ab", false),
            ("a/#", "#", false),
            ("a/#", "+/b", false),
            ("a/+/c", "a/b/c", true),
            ("a/+/c", "a/+/c", true),
            ("a/+/c", "a/#", false),
            ("a/+", "a", false),
            ("a/b", "a/b", true),
            ("a/b", "a/b/", false),
            ("a/b", "a/+", false),
            ("+/b", "$x/b", false),
            ("+/b", "x/b", true),
            ("a//b", "a//b", true),
        ] {
            assert_eq!(covers(granted, asked), is, "{granted} covers {asked}");
        }
    }

    #[test]
    fn placeholders_stand_for_the_user_and_its_client_id() {
        let user = user(&["plant/%c/#", "%u/status"], &["cmd/%c"], &["boiler-*", "spare"]);
        assert!(user.may_publish("boiler-1", "plant/boiler-1/data"));
        assert!(!user.may_publish("boiler-1", "plant/boiler-2/data"));
        assert!(user.may_publish("boiler-1", "dtu/status"));
        assert!(user.may_subscribe("boiler-1", "cmd/boiler-1"));
        assert!(user.may_subscribe("boiler-1", "$share/g/cmd/boiler-1"));
        assert!(!user.may_subscribe("boiler-1", "cmd/+"));
        assert!(!user.may_subscribe("boiler-1", "$share/g"));
        assert!(user.may_be("boiler-1") && user.may_be("spare"));
        assert!(!user.may_be("spare-2") && !user.may_be("gateway"));
    }

    #[test]
    fn nobody_writes_the_brokers_own_topics() {
        let user = user(&["#"], &["#"], &[]);
        assert!(!user.may_publish("a", "$SYS/broker/uptime") && !may_publish_at_all("$share/g/a"));
        assert!(user.may_publish("a", "$oc/devices/1/sys/properties/report"));
    }

    #[test]
    fn a_client_id_that_would_open_the_topics_of_others_is_not_taken() {
        for wrong in ["", "a/b", "+", "#", "$SYS", "a\nb", "a\u{7f}", "a\\b"] {
            assert!(wrong_id(wrong).is_some(), "{wrong:?}");
        }
        assert!(wrong_id(&"x".repeat(129)).is_some());
        for right in
            ["dtu-1", "steamward-demo-own", "867512345678901", "锅炉-1", "a|securemode=3,signmethod=x|"]
        {
            assert_eq!(wrong_id(right), None);
        }
    }
}
