//! Texts with other separators and decimal marks than commas and points.

use super::support::{Place, number, small, table};

/// A text with semicolons and decimal commas in place of commas and points.
fn german(text: &str) -> String {
    text.replace(',', ";").replace('.', ",")
}

/// The model knows nothing of how its table was written, and each table comes back as it was written.
#[test]
fn semicolons_and_decimal_commas() {
    let place = Place::new();
    let text = table(40, 1.0, 0.1).replace("NaN", "NA");
    place.write("points.csv", &text);
    place.write("commas.csv", german(&text));
    let note = "commas.csv: cells are separated by semicolons, and decimals have commas";
    place.missvae(&small("train points.csv --epochs 2 --quiet --out points")).ok();
    let said = place.missvae(&small("train commas.csv --epochs 2 --out commas")).ok().stderr;
    assert!(said.contains(note), "{said}");
    assert!(place.read("points/model.safetensors") == place.read("commas/model.safetensors"));

    let said = place.missvae("impute points commas.csv --out commas.done.csv").ok().stderr;
    assert!(said.contains(note), "{said}");
    place.missvae("impute commas points.csv --quiet --out points.done.csv").ok();
    assert_eq!(place.text("commas.done.csv"), german(&place.text("points.done.csv")));
    // What is imputed is a fraction.
    assert!(place.text("points.done.csv").len() > text.len() + 40);
    let printed = place.missvae("impute points commas.csv --out -").ok().stdout;
    assert_eq!(printed, place.text("commas.done.csv"));

    let score = |data: &str| {
        number(
            &place
                .missvae(&format!("evaluate commas {data} --likelihood iwelbo --importance-samples 100 --json"))
                .json(),
            "log_likelihood",
        )
    };
    assert_eq!(score("commas.csv"), score("points.csv"));
    let said = place.missvae("evaluate commas commas.csv --likelihood iwelbo --importance-samples 100").ok().stderr;
    assert!(said.contains(note), "{said}");
    let quiet =
        place.missvae("evaluate commas commas.csv --likelihood iwelbo --importance-samples 100 --quiet").ok().stderr;
    assert!(!quiet.contains("separated"), "{quiet}");

    let described = place.missvae("describe commas.csv --json").json();
    assert_eq!((&described["separator"], &described["decimal"]), (&";".into(), &",".into()));
    let piped = place.missvae_reading(&german(&text), "describe - --json").json();
    assert_eq!(piped["columns"], described["columns"]);
}

#[test]
fn given_separators() {
    let place = Place::new();
    // The header might be one name, and the rows hold commas.
    let doubtful: String = (0..40).map(|n| format!("{n},5;{},25\n", n * n % 17)).collect();
    place.write("doubtful.csv", format!("a;b\n{doubtful}"));
    let words = ["doubtful.csv: its rows hold semicolons and commas", "--separator ';' or ','"];
    place.missvae("train doubtful.csv --epochs 1 --out run").fails(2, &words);
    place.missvae("describe doubtful.csv").fails(2, &words);
    assert!(!place.exists("run"));
    let given = "--separator ; --decimal ,";
    let said = place.missvae(&small(&format!("train doubtful.csv {given} --epochs 1 --out run"))).ok().stderr;
    assert!(!said.contains("separated"), "{said}");
    place.missvae("impute run doubtful.csv --out done.csv").fails(2, &words);
    place.missvae(&format!("impute run doubtful.csv {given} --quiet --out done.csv")).ok();
    assert_eq!(place.text("done.csv"), place.text("doubtful.csv"));
    // A run that goes on reads its table as it did before.
    let config = place.text("run/config.toml");
    assert!(config.contains("separator = \";\"\n") && config.contains("decimal = \",\"\n"), "{config}");
    place.missvae("train --resume run --epochs 2 --quiet").ok();

    place.write("quoted.csv", "a,b\n\"10,08\",1\n\"11,85\",2\n\"9,5\",NA\n");
    place.missvae("train quoted.csv --out no").fails(2, &["\"a\" has text (\"10,08\" in line 2", "--decimal ,"]);
    let described = place.missvae("describe quoted.csv --decimal , --json").json();
    assert_eq!(described["columns"][0]["type"], "numeric");
    assert_eq!(place.missvae("train quoted.csv --decimal x --out no").status, Some(2));
}
