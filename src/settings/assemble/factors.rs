//! What a point is multiplied by (`times`, `decimals_from`), with what those points are multiplied by themselves: a
//! ratio with decimals of its own counts as it is meant, and not as it stands in its register.

use super::super::fault::{Fault, nearest};
use super::super::profile::{Profile, ProfilePoint};
use super::super::types::Factor;
use super::plant::PlantBuilder;
use crate::plant::PointIx;

/// More factors of one value nobody means.
const MOST_FACTORS: usize = 16;

/// The names that a point has for what it is multiplied by; true for a number of decimals.
fn named(p: &ProfilePoint) -> impl Iterator<Item = (&str, bool)> {
    let register = p.register.iter();
    register.flat_map(|r| {
        let times = r.times.iter().map(|name| (name.as_str(), false));
        times.chain(r.decimals_from.iter().map(|name| (name.as_str(), true)))
    })
}

impl PlantBuilder<'_> {
    /// All factors of `point`, those of its factors included.
    pub(super) fn factors(
        &self,
        point: PointIx,
        p: &ProfilePoint,
        all: &[(PointIx, &ProfilePoint)],
        profile: &Profile,
    ) -> Vec<Factor> {
        let mut factors = Vec::new();
        for (name, decimals) in named(p) {
            match all.iter().find(|n| n.1.id.as_str() == name) {
                Some((of, _)) if *of == point => self.no_such_point(p, name, decimals, profile),
                Some((of, q)) if decimals && named(q).next().is_some() => {
                    let problem =
                        format!("`{name}` is multiplied by another point, so it is not a number of decimals");
                    self.factor_fault(
                        p,
                        true,
                        problem,
                        "a register that holds the number of decimals as it is",
                    );
                    factors.push(Factor::Decimals(*of));
                }
                Some((of, _)) if decimals => factors.push(Factor::Decimals(*of)),
                Some((of, q)) => {
                    factors.push(Factor::Times(*of));
                    if !own_factors(q, all, &mut vec![point, *of], &mut factors) {
                        let problem = format!(
                            "`{name}` is multiplied by `{}` again, or by more than {MOST_FACTORS} points",
                            p.id
                        );
                        self.factor_fault(
                            p,
                            false,
                            problem,
                            "a chain of points that ends: power by ct, ct by its decimals",
                        );
                    }
                }
                None => self.no_such_point(p, name, decimals, profile),
            }
        }
        factors
    }

    fn factor_fault(&self, p: &ProfilePoint, decimals: bool, problem: String, remedy: &str) {
        let key = if decimals { "decimals_from" } else { "times" };
        self.faults.borrow_mut().push(Fault {
            place: p.places.of(key),
            key: format!("point.{}.{key}", p.id),
            problem,
            remedy: remedy.to_owned(),
        });
    }

    fn no_such_point(&self, p: &ProfilePoint, name: &str, decimals: bool, profile: &Profile) {
        if profile.broken {
            return;
        }
        let key = if decimals { "decimals_from" } else { "times" };
        self.faults.borrow_mut().push(Fault {
            place: p.places.of(key),
            key: format!("point.{}.{key}", p.id),
            problem: format!("there is no other point `{name}` in the profile"),
            remedy: nearest(name, profile.points.iter().filter(|o| o.id != p.id).map(|o| o.id.as_str())),
        });
    }
}

/// Adds the factors of `p`, which `way` leads to; false where the way comes back to itself or is endless. Names that
/// nobody has are told at `p` itself.
fn own_factors(
    p: &ProfilePoint,
    all: &[(PointIx, &ProfilePoint)],
    way: &mut Vec<PointIx>,
    out: &mut Vec<Factor>,
) -> bool {
    named(p).all(|(name, decimals)| {
        let Some((of, q)) = all.iter().find(|n| n.1.id.as_str() == name) else { return true };
        if way.contains(of) || out.len() >= MOST_FACTORS {
            return false;
        }
        if decimals {
            out.push(Factor::Decimals(*of));
            return true;
        }
        out.push(Factor::Times(*of));
        way.push(*of);
        let ends = own_factors(q, all, way, out);
        way.pop();
        ends
    })
}

#[cfg(test)]
mod tests {
    use crate::plant::PointIx;
    use crate::settings::{Factor, ModbusPoint, load_texts};

    fn points(profile: &str) -> Result<Vec<ModbusPoint>, String> {
        let settings = "[site]\nid = \"n\"\n[[source.modbus]]\nid = \"a\"\naddress = \"tcp://192.0.2.1\"\n\
                        [[equipment]]\nid = \"e\"\nprofile = \"p\"\nsource = \"a\"\nunit = 1\n";
        let profile = profile.lines().fold("kind = \"k\"\n".to_owned(), |all, line| {
            let (id, rest) = line.split_once(' ').expect("an id and keys");
            format!("{all}[[point]]\nid = \"{id}\"\n{}\n", rest.replace("; ", "\n"))
        });
        let loaded = load_texts(&[("t.toml", settings)], &[("p.toml", &profile)], &[]);
        loaded.map(|l| l.settings.modbus[0].devices[0].groups[0].points.clone()).map_err(|e| e.to_string())
    }

    #[test]
    fn a_factor_with_a_factor_of_its_own_brings_that_along_and_knows_its_range() {
        let found = points(
            "power address = 40001; times = [\"ct\"]\n\
             ct address = 40002; decimals_from = \"dp\"; range = [1, 200]\n\
             dp address = 40003",
        )
        .expect("good");
        let (ct, dp) = (PointIx(1), PointIx(2));
        assert_eq!(found[0].factors, [Factor::Times(ct), Factor::Decimals(dp)]);
        assert_eq!(found[1].factors, [Factor::Decimals(dp)]);
        assert_eq!([found[0].range, found[1].range, found[2].range], [None, Some((1.0, 200.0)), None]);
    }

    #[test]
    fn factors_that_lead_back_and_decimals_that_are_multiplied_are_faults() {
        for (profile, told) in [
            ("a address = 40001; times = [\"b\"]\nb address = 40002; times = [\"a\"]", "again"),
            ("a address = 40001; times = [\"a\"]", "there is no other point `a`"),
            (
                "a address = 40001; decimals_from = \"b\"\nb address = 40002; times = [\"c\"]\nc address = 40003",
                "is not a number of decimals",
            ),
        ] {
            let faults = points(profile).expect_err(profile);
            assert!(faults.contains(told), "{profile}: {faults}");
        }
    }
}
