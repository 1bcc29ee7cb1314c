//! `schema/openapi.json` matches the table of routes, and every example in it is answered as documented.

use super::daemon::Daemon;
use std::path::Path;
use tradingd::http::{Access, openapi, routes};

/// Run with `BLESS=1` to regenerate the file.
#[test]
fn the_file_is_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/openapi.json");
    let text = format!("{:#}\n", openapi());
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    assert!(
        kept == text,
        "schema/openapi.json is not the table of routes any more: BLESS=1 cargo test the_file_is_the_table"
    );
    let daemon = Daemon::start();
    assert_eq!(String::from_utf8(daemon.ask("GET", "/openapi.json", &[], None).body).unwrap(), text);
}

#[test]
fn documented_requests_are_answered_as_documented() {
    let daemon = Daemon::start();
    let admin = daemon.admin();
    let document = openapi();
    for route in routes() {
        for example in route.examples {
            let path = example.path.unwrap_or(route.path);
            let body = example.body.map(|body| serde_json::from_str(body).unwrap());
            let answer = daemon.ask_as(&admin, route.method.as_str(), path, body.as_ref());
            let what = format!(
                "{} {path} ({}): {}",
                route.method.as_str(),
                example.name,
                String::from_utf8_lossy(&answer.body)
            );
            assert_eq!(answer.status, example.status, "{what}");
            let method = route.method.as_str().to_ascii_lowercase();
            let documented = &document["paths"][route.path][method]["responses"][answer.status.to_string()];
            assert!(documented.is_object(), "an undocumented status: {what}");
            if answer.status >= 400 {
                assert!(
                    documented["description"].as_str().unwrap().contains(&answer.code()),
                    "an undocumented code: {what}"
                );
            }
        }
        // Only public routes may lack an example; logging out is not tested, because it would end this test's
        // login.
        let tested = !route.examples.is_empty() || route.path.ends_with("/logout");
        assert!(
            tested || route.access == Access::Public,
            "{} {} has no example",
            route.method.as_str(),
            route.path
        );
    }
}
