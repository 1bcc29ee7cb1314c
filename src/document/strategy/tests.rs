#[test]
fn dump() {
    for name in ["pump_v2", "dump_v2", "flash_pump_scalper", "ema_cross_trend"] {
        let text = std::fs::read(format!("/tmp/orig/{name}.json")).unwrap();
        match super::parse(&text) {
            Ok((document, warnings)) => {
                println!("{warnings:#?}");
                println!("{}", document.to_json());
            }
            Err(problems) => problems.iter().for_each(|problem| println!("{problem}")),
        }
        let mut problems = super::Problems::default();
        let value = super::json::read(&text, &mut problems).unwrap();
        let document = super::document(value, super::Origin::New, &mut problems).unwrap();
        println!("{}", document.to_json());
    }
}
