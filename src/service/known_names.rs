//! Messages for a name that does not exist: the name that was probably meant, and those there are.

use crate::json::nearest;

/// Names that are listed; of more only the number is told.
const LISTED: usize = 10;

/// `did you mean "BTCUSDT"? There are BTCUSDT, ETHUSDT and 3 more`; without the question when no name is
/// similar.
pub fn known_names<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let listed = known.iter().take(LISTED).copied().collect::<Vec<_>>().join(", ");
    let there_are = match known.len() {
        0 => return "there are none".to_owned(),
        1 => format!("there is only {listed}"),
        count if count > LISTED => format!("there are {listed} and {} more", count - LISTED),
        _ => format!("there are {listed}"),
    };
    match nearest(wrong, known) {
        Some(near) => format!("did you mean {near:?}? {}", there_are.replacen("there", "There", 1)),
        None => there_are,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_comes_first_and_of_many_the_rest_is_counted() {
        assert_eq!(
            known_names("BTCUSD", ["BTCUSDT", "ETHUSDT"]),
            "did you mean \"BTCUSDT\"? There are BTCUSDT, ETHUSDT"
        );
        assert_eq!(known_names("XYZ", ["BTCUSDT"]), "there is only BTCUSDT");
        assert_eq!(known_names("XYZ", []), "there are none");
        let many: Vec<String> = (0..13).map(|number| format!("C{number}_USDT")).collect();
        let told = known_names("quite another name", many.iter().map(String::as_str));
        assert!(told.ends_with("C9_USDT and 3 more") && !told.contains("mean"), "{told}");
    }
}
