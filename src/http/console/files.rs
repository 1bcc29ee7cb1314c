//! The console's files, compiled in: name below `assets`, media type, bytes.

/// One file.
pub(super) struct File {
    /// Name below `/console/`, as the pages ask for it.
    pub name: &'static str,
    /// Media type.
    pub media: &'static str,
    /// Content.
    pub bytes: &'static [u8],
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";
const FONT: &str = "font/woff2";
const TEXT: &str = "text/plain; charset=utf-8";

macro_rules! files {
    ($($media:ident: $($name:literal)*;)*) => {
        &[$($(File { name: $name, media: $media, bytes: include_bytes!(concat!("assets/", $name)) },)*)*]
    };
}

/// All files.
#[rustfmt::skip]
pub(super) const FILES: &[File] = files![
    HTML: "index.html";
    SVG: "icon.svg";
    CSS: "style/base.css" "style/parts.css" "style/pages.css" "style/workshop.css";
    SCRIPT: "main.js"
        "core/api.js" "core/candles.js" "core/format.js" "core/keys.js" "core/live.js" "core/pages.js"
        "core/router.js" "core/session_form.js" "core/socket.js" "core/store.js" "core/strategy.js"
        "core/trades.js" "core/types.js" "core/upload.js" "core/view.js" "core/words.js" "core/words_pages.js"
        "parts/chart.js" "parts/choose.js" "parts/conditions.js" "parts/configuration.js" "parts/controls.js"
        "parts/frame.js" "parts/indicators.js" "parts/labels.js" "parts/log.js" "parts/log_tail.js"
        "parts/notes.js" "parts/plot.js" "parts/preview.js" "parts/review.js" "parts/rules.js"
        "parts/session_now.js" "parts/table.js" "parts/trade_conditions.js" "parts/ui.js" "parts/users.js"
        "parts/versions.js"
        "pages/board.js" "pages/compare.js" "pages/entrance.js" "pages/operations.js" "pages/recording.js"
        "pages/recordings.js" "pages/report.js" "pages/results.js" "pages/sessions.js" "pages/start.js"
        "pages/strategies.js" "pages/strategy.js"
        "vendor/hooks.js" "vendor/htm.js" "vendor/lightweight-charts.js" "vendor/preact.js";
    FONT: "vendor/inter.woff2";
    TEXT: "vendor/NOTICE";
];

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};
    use std::collections::BTreeSet;
    use std::path::Path;

    fn names(folder: &Path, below: &str, into: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{below}{}", entry.file_name().to_str().unwrap());
            if entry.file_type().unwrap().is_dir() {
                names(&entry.path(), &format!("{name}/"), into);
            } else if !name.ends_with(".d.ts") {
                into.insert(name);
            }
        }
    }

    #[test]
    fn every_file_of_the_folder_is_served() {
        let mut there = BTreeSet::new();
        names(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/console/assets"), "", &mut there);
        let served: BTreeSet<String> = FILES.iter().map(|file| file.name.to_owned()).collect();
        assert_eq!(
            there, served,
            "a file of src/http/console/assets is not in the table of files.rs, or the reverse"
        );
    }

    fn words() -> &'static str {
        let file = FILES.iter().find(|file| file.name == "core/words.js").unwrap();
        std::str::from_utf8(file.bytes).unwrap()
    }

    #[test]
    fn every_limit_of_an_account_has_a_label() {
        use crate::domain::decision::Guard;
        let (_, rest) = words().split_once("guards: {").unwrap();
        let (labels, _) = rest.split_once('}').unwrap();
        let guards = [
            Guard::ConcurrentPositions,
            Guard::DailyTrades,
            Guard::DailyLoss,
            Guard::Drawdown,
            Guard::ConsecutiveLosses,
            Guard::TotalExposure,
            Guard::Margin,
        ];
        for guard in guards {
            assert!(labels.contains(&format!("{}: \"", guard.as_str())), "{}", guard.as_str());
        }
        assert_eq!(labels.matches(": \"").count(), guards.len());
    }

    #[test]
    fn as_many_results_are_compared_as_the_service_allows() {
        use crate::limits::COMPARED_RESULTS;
        assert!(words().contains(&format!("most: {COMPARED_RESULTS},")));
        let style = FILES.iter().find(|file| file.name == "style/pages.css").unwrap();
        let style = std::str::from_utf8(style.bytes).unwrap();
        assert_eq!(style.matches(".swatch.c").count(), COMPARED_RESULTS, "each has a colour");
    }

    #[test]
    fn modules_import_only_files_that_are_served() {
        for file in FILES.iter().filter(|file| file.media == SCRIPT && !file.name.starts_with("vendor/")) {
            let text = std::str::from_utf8(file.bytes).unwrap();
            let folder = file.name.rsplit_once('/').map_or("", |(folder, _)| folder);
            for (_, rest) in text
                .match_indices("from \"")
                .chain(text.match_indices("import(\""))
                .map(|(at, m)| (m, &text[at + m.len()..]))
            {
                let wanted = rest.split('"').next().unwrap();
                let path = match wanted.strip_prefix("../") {
                    Some(path) => path.to_owned(),
                    None if folder.is_empty() => wanted.trim_start_matches("./").to_owned(),
                    None => format!("{folder}/{}", wanted.trim_start_matches("./")),
                };
                assert!(FILES.iter().any(|file| file.name == path), "{} imports {wanted}", file.name);
            }
        }
    }

    #[test]
    fn vendored_files_are_what_the_notice_says() {
        let notice = FILES.iter().find(|file| file.name == "vendor/NOTICE").unwrap();
        let notice = std::str::from_utf8(notice.bytes).unwrap();
        for file in FILES.iter().filter(|file| file.name.starts_with("vendor/") && file.media != TEXT) {
            let hash: String = Sha256::digest(file.bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            let line = format!("{hash}  {}", file.name.trim_start_matches("vendor/"));
            assert!(notice.contains(&line), "NOTICE has no line {line:?}");
        }
    }
}
