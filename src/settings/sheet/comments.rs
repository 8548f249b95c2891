//! Comments of a profile's file that do not stand above a point, and which no column of a sheet holds.

use toml_edit::DocumentMut;

/// How many lines of the file have one. What is not TOML has none.
#[must_use]
pub fn elsewhere(text: &str) -> usize {
    let Ok(document) = text.parse::<DocumentMut>() else { return 0 };
    let tables = document.get("point").and_then(|item| item.as_array_of_tables());
    let above = tables.into_iter().flat_map(|all| all.iter()).filter_map(|t| t.decor().prefix()?.as_str());
    let above: usize = above.map(|prefix| prefix.lines().filter(|l| l.trim().starts_with('#')).count()).sum();
    all(text).saturating_sub(above)
}

/// Every `#` outside of texts begins a comment that goes on to the end of its line.
fn all(text: &str) -> usize {
    let chars: Vec<char> = text.chars().collect();
    let three = |n: usize, c: char| (n..n + 3).all(|at| chars.get(at) == Some(&c));
    let (mut n, mut count) = (0, 0);
    while n < chars.len() {
        match chars[n] {
            '#' => {
                count += 1;
                while n < chars.len() && chars[n] != '\n' {
                    n += 1;
                }
            }
            quote @ ('"' | '\'') => {
                let long = three(n, quote);
                n += if long { 3 } else { 1 };
                while n < chars.len() && !(chars[n] == quote && (!long || three(n, quote))) {
                    n += if chars[n] == '\\' && quote == '"' { 2 } else { 1 };
                }
                n += if long { 3 } else { 1 };
            }
            _ => n += 1,
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::elsewhere;

    #[test]
    fn comments_above_points_are_in_the_sheet_and_all_others_are_counted() {
        let text = "kind = \"k\" # one\n# above\n[[point]]\nid = \"a#b\"\nname = 'x#'\nscale = 1 # two\n\
                    # above\n# too\n[[point]]\nid = \"c\"\nnote = \"\"\"\n# in a text\n\"\"\"\n# at the end\n";
        assert_eq!(elsewhere(text), 3);
        assert_eq!(elsewhere("not toml # x"), 0);
    }
}
