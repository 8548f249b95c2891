//! People: today only who acts, in which role, and by which way in. Pure.
//!
//! Every command, transition and audit entry names an [`Actor`]. Persons with accounts, duties and units come here;
//! what an audit entry says of its actor stays readable then, because the way in is noted with each.

use std::fmt;

/// Who did something: a person, or the gateway itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(from = "Stored")]
pub struct Actor {
    /// Of an account; `system` for the gateway, empty for a person without an account.
    pub id: String,
    /// As the person gave it, or `system`.
    pub name: String,
    /// In which role.
    pub role: Role,
    /// By which way in: how far the name is to be believed.
    pub via: Via,
}

/// The role in which somebody acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The gateway by itself: a limit, a clock, a restart.
    System,
    /// A person of whom no role is known.
    Unassigned,
}

/// The way by which a command came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Via {
    /// From within the gateway.
    Gateway,
    /// The console without a token: the name is what somebody at this machine typed.
    OpenConsole,
    /// The console with its token: the name was typed by somebody who has the token.
    ConsoleToken,
    /// Written by a version that did not note the way.
    Unrecorded,
}

/// An actor as it stands in files: whole, or only the name, as versions before wrote it.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Stored {
    Name(String),
    Whole { id: String, name: String, role: Role, via: Via },
}

impl From<Stored> for Actor {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Name(name) => Self::unrecorded(name),
            Stored::Whole { id, name, role, via } => Self { id, name, role, via },
        }
    }
}

impl Actor {
    /// The name and id of the gateway itself.
    pub const SYSTEM: &'static str = "system";

    /// The gateway itself.
    #[must_use]
    pub fn system() -> Self {
        Self {
            id: Self::SYSTEM.to_owned(),
            name: Self::SYSTEM.to_owned(),
            role: Role::System,
            via: Via::Gateway,
        }
    }

    /// A person without an account, who came by `via`.
    #[must_use]
    pub fn person(name: impl Into<String>, via: Via) -> Self {
        Self { id: String::new(), name: name.into(), role: Role::Unassigned, via }
    }

    /// An actor of whom only the name was kept.
    #[must_use]
    pub fn unrecorded(name: impl Into<String>) -> Self {
        let name = name.into();
        let role = if name == Self::SYSTEM { Role::System } else { Role::Unassigned };
        Self { id: String::new(), name, role, via: Via::Unrecorded }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Role {
    /// As stored: `system`, `unassigned`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Unassigned => "unassigned",
        }
    }

    /// The role of a stored word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        [Self::System, Self::Unassigned].into_iter().find(|role| role.as_str() == word)
    }
}

impl Via {
    /// As stored: `gateway`, `open-console`, `console-token`, `unrecorded`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::OpenConsole => "open-console",
            Self::ConsoleToken => "console-token",
            Self::Unrecorded => "unrecorded",
        }
    }

    /// The way of a stored word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        [Self::Gateway, Self::OpenConsole, Self::ConsoleToken, Self::Unrecorded]
            .into_iter()
            .find(|via| via.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::{Actor, Role, Via};

    #[test]
    fn an_actor_reads_back_as_written_and_a_name_alone_as_one_whose_way_is_not_recorded() {
        for actor in [Actor::system(), Actor::person("赵海", Via::ConsoleToken)] {
            let text = serde_json::to_string(&actor).unwrap();
            assert_eq!(serde_json::from_str::<Actor>(&text).unwrap(), actor, "{text}");
        }
        assert_eq!(serde_json::from_str::<Actor>("\"赵海\"").unwrap(), Actor::unrecorded("赵海"));
        assert_eq!(Actor::unrecorded("system").role, Role::System);
    }

    #[test]
    fn the_words_of_a_role_and_of_a_way_are_those_of_their_stored_form() {
        for role in [Role::System, Role::Unassigned] {
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
            assert_eq!(Role::of(role.as_str()), Some(role));
        }
        for via in [Via::Gateway, Via::OpenConsole, Via::ConsoleToken, Via::Unrecorded] {
            assert_eq!(serde_json::to_value(via).unwrap(), via.as_str());
            assert_eq!(Via::of(via.as_str()), Some(via));
        }
    }
}
