//! What a user can get wrong: a message of one line that says where and what to do, exit status 2 (1 where the
//! environment is at fault), and nothing half-written.

use std::fs;

use super::support::{Place, SMALL, safetensors, table};

#[test]
fn tables_that_cannot_be_read() {
    let wide = "a,b\n1,2\n3,4,5\n";
    let cases: &[(&str, &[u8], &[&str])] = &[
        ("empty.csv", b"", &["empty.csv: the file is empty", "expected a header"]),
        ("blank.csv", b"\n\n\n", &["blank.csv: the file is empty"]),
        ("header.csv", b"a,b\n", &["header.csv: no data row"]),
        ("few.csv", b"a,b\n1,2\n3\n", &["few.csv, line 3", "found 1 cells; expected 2"]),
        ("many.csv", wide.as_bytes(), &["many.csv, line 3", "found 3 cells; expected 2", "hint: "]),
        (
            "text.csv",
            b"a,b\n1,2\n2,x\n3,y\n",
            &["\"b\" has text (\"x\" in line 3 and 1 more", "hint: ", "--columns 'a'"],
        ),
        ("dash.csv", b"a,b\n1,2\n2,-\n3,4\n", &["\"-\" in line 3", "--missing-value='-'"]),
        ("infinite.csv", b"a,b\n1,2\n-inf,3\n3,4\n", &["\"a\" has an infinite value (\"-inf\" in line 3)"]),
        ("beyond.csv", b"a,b\n1,2\n1e999,3\n3,4\n", &["\"a\" has an infinite value", "line 3"]),
        ("huge.csv", b"a,b\n1,2\n1e300,3\n-1e300,4\n", &["huge.csv: ", "\"a\"", "hint: ", "--ignore-columns"]),
        ("constant.csv", b"a,b\n7,1\n7,2\n,3\n", &["\"a\" is constant (every observed value is 7)"]),
        ("column.csv", b"a,b\n,1\nNA,2\n?,3\n", &["\"a\" has no observed value", "--columns 'b'"]),
        ("missing.csv", b"a,b\n,NA\nnull,?\n", &["every cell of every row is missing"]),
        ("twice.csv", b"a,b,a\n1,2,3\n4,5,6\n", &["line 1", "columns 1 and 3 are both named \"a\"", "hint: "]),
        ("unnamed.csv", b",b\n1,2\n4,5\n", &["line 1", "column 1 has no name", "hint: "]),
        ("latin.csv", b"a,b\n1,2\nm\xe9,4\n", &["latin.csv, line 3: byte 9 of the file is not UTF-8", "iconv"]),
        ("wide.csv", b"\xff\xfea\0,\0b\0\n\0", &["wide.csv, line 1", "UTF-16"]),
        ("quote.csv", b"a,b\n1,2\n\"3,4\n", &["quote.csv, line 3", "never closed"]),
        ("table.xlsx", b"PK", &["the ending .xlsx is not a known table format"]),
        ("cut.csv.gz", b"\x1f\x8b\x08", &["cut.csv.gz", "truncated"]),
        ("array.npy", b"no array", &["array.npy", "not a NumPy array"]),
        ("archive.npz", b"no archive", &["archive.npz", "a broken archive"]),
        ("archive.npz.gz", b"no archive", &["the ending .npz.gz is not a known table format"]),
        ("spelled.csv", b"a,b\n1,2\n2,<NA>\n3,4\n", &["\"<NA>\" in line 3", "--missing-value='<NA>'"]),
        ("headless.csv", b"0.5,NA,1.2\n0.1,2.0,3.3\n0.7,1.1,2.2\n", &["headless.csv, line 1", "column names"]),
        ("numbers.csv", b"?,5.1,nan\n0.1,2.0,3.3\n0.7,1.1,2.2\n", &["numbers.csv, line 1", "column names"]),
    ];
    for (name, content, words) in cases {
        let place = Place::new();
        place.write(name, content);
        place.refuses(&format!("train {name} --out run"), 2, words);
        place.refuses(&format!("train {name}"), 2, words);
    }
    let place = Place::new();
    fs::create_dir(place.file("folder")).unwrap();
    place.refuses("train folder --out run", 2, &["folder is a directory"]);
    place.refuses("train absent.csv --out run", 2, &["absent.csv: no such file"]);
    place.refuses("describe absent.csv", 2, &["absent.csv: no such file"]);
    place.missvae_reading("", "train - --out run").fails(2, &["standard input: the file is empty"]);
    assert!(!place.exists("run"));
}

#[test]
fn columns_that_are_not_there() {
    let place = Place::with_run();
    place.refuses("train table.csv --columns a,B,zz --out new", 2, &["no column named \"B\", \"zz\"", "mean \"b\"?"]);
    place.refuses("train table.csv --ignore-columns a,b,c --out new", 2, &["no column is left"]);
    place.refuses("train table.csv --columns a,, --out new", 2, &["is not a list of column names"]);
    place.refuses(
        "train table.csv --key x --out new",
        2,
        &["a key names an array inside a .npz file", "hint: Leave out --key"],
    );
    place.write("other.csv", "a,B\n1,2\n3,4\n");
    for command in ["evaluate run other.csv", "impute run other.csv --out done.csv"] {
        place.refuses(command, 2, &["other.csv: the model needs \"b\", \"c\"", "the file has \"a\", \"B\"", "hint: "]);
    }
    place.write("text.csv", "a,b,c\n1,x,2\n");
    place.refuses("impute run text.csv --out done.csv", 2, &["\"b\" has text (\"x\" in line 2"]);
    place.write("inf.csv", "a,b,c\n1,inf,2\n");
    place.refuses("evaluate run inf.csv", 2, &["\"b\" has an infinite value"]);
    place.write("twice.csv", "a,b,c,b\n1,2,3,4\n");
    place.refuses("impute run twice.csv --out done.csv", 2, &["columns 2 and 4 are both named \"b\""]);
    place.refuses("train table.csv --validation other.csv --out new", 2, &["other.csv", "the model needs \"b\""]);
    place.write("nothing.csv", "a,b,c\n,,\n");
    place.refuses("train table.csv --validation nothing.csv --out new", 2, &["no row has an observed cell"]);
    place.write("end.csv", table(9, 1.0, 0.0) + ",,\n");
    let words = ["end.csv, --validation-from 9: no row has an observed cell"];
    place.refuses("train end.csv --validation-from 9 --out new", 2, &words);
    place.refuses("evaluate run nothing.csv", 2, &["nothing.csv: no row has an observed cell"]);
    // One row of three is left to train on, with numbers or without.
    place.write("gap.csv", "a,b\n1,2\n,\n3,4\n");
    for seed in 0..8 {
        let arguments = format!("train gap.csv --validation 0.67 --seed {seed} --out new");
        place.refuses(&arguments, 2, &["gap.csv: ", "to train on", "hint: hide or set aside less"]);
    }
}

#[test]
fn options_that_make_no_sense() {
    let cases: &[(&str, &[&str])] = &[
        ("--components 0", &["--components 0: expected at least 1"]),
        ("--components 3 --method mvae", &["--components 3: mvae has a single component", "hint: use miss-vae"]),
        ("--components 2 --method miwae", &["miwae has a single component"]),
        ("--components -1", &["invalid value '-1' for '--components <K>': expected a whole number"]),
        ("--components 1000000 --samples 1000000", &["would", "hint: lower"]),
        ("--hidden 1000000", &["the networks would have", "hint: lower --hidden"]),
        ("--hidden 0", &["--hidden 0: expected at least 1"]),
        ("--latent 0", &["--latent 0: expected at least 1"]),
        ("--encoder-blocks 5000", &["--encoder-blocks 5000: expected at most 1000"]),
        ("--hide 1.5", &["--hide 1.5: expected a share of at least 0 and below 1"]),
        ("--hide -0.1", &["--hide -0.1: expected a share"]),
        ("--hide 0.99999", &["table.csv: the rows to train on have no two distinct", "hint: hide or set aside less"]),
        ("--validation 2", &["--validation 2: expected a file, or a share"]),
        ("--validation 0.0001", &["--validation 0.0001: 40 rows cannot be split so"]),
        ("--dropout 1", &["--dropout 1: expected a probability"]),
        ("--batch-size 0", &["--batch-size 0: expected at least 1"]),
        ("--epochs 0", &["--epochs 0: expected from 1"]),
        ("--updates 0", &["--updates 0: expected from 1"]),
        ("--epochs 18446744073709551615", &["--epochs 18446744073709551615: expected from 1"]),
        ("--epochs 99999999999999999999", &["'--epochs <N>': this is too large"]),
        ("--epochs 3 --updates 4", &["--epochs", "--updates"]),
        ("--learning-rate -1", &["--learning-rate -1: expected a number above 0"]),
        ("--learning-rate nan", &["--learning-rate NaN: expected a number above 0"]),
        ("--learning-rate fast", &["'fast' for '--learning-rate <RATE>': expected a number"]),
        ("--clip -2", &["--clip -2: expected a number of at least 0"]),
        ("--encoder-min-scale inf", &["--encoder-min-scale inf: expected a number"]),
        ("--samples 0", &["--samples 0: expected at least 1"]),
        ("--importance-samples 4 --method miss-svae", &["importance samples", "importance-weighted method"]),
        ("--estimator dreg --method miss-svae", &["dreg needs an importance-weighted bound"]),
        ("--estimator dreg --method miss-vae", &["dreg needs an importance-weighted bound"]),
        ("--estimator sticky", &["'sticky' for '--estimator", "plain, stl, dreg"]),
        ("--method miss-iwae --logit-gradient leave-one-out", &["leave-one-out", "miss-vae"]),
        ("--pathwise responsibility", &["--pathwise responsibility: miss-siwae", "hint: it applies to miss-vae"]),
        (
            "--method miss-svea",
            &["--method miss-svea: expected one of mvae, miss-vae", "hint: did you mean miss-svae?"],
        ),
        ("--method vae", &["--method vae: expected one of"]),
        ("--preset power", &["UCI Power, which has 6 columns, and the table has 3", "docs/uci.md"]),
        ("--preset miniboone --columns a,b", &["UCI MiniBooNE, which has 43 columns, and the table has 2"]),
        ("--preset moog", &["'moog' for '--preset", "mog, gas, power"]),
        ("--threads 0", &["--threads 0: expected from 1 to"]),
        ("--threads 1000000", &["--threads 1000000: expected from 1 to"]),
        ("--checkpoint-every -1", &["--checkpoint-every -1: expected seconds"]),
        ("--checkpoint-every nan", &["--checkpoint-every NaN: expected seconds"]),
        ("--componets 3", &["unexpected argument '--componets'", "'--components'"]),
        ("surplus.csv", &["unexpected argument 'surplus.csv'"]),
    ];
    let place = Place::new();
    place.write("table.csv", table(40, 1.0, 0.0));
    for (options, words) in cases {
        place.refuses(&format!("train table.csv {options} --out run"), 2, words);
    }
    // An endless pause between checkpoints is no mistake.
    place.missvae(&format!("train table.csv --checkpoint-every 1e300 --epochs 1 {} --out run", SMALL.join(" "))).ok();
}

#[test]
fn options_of_the_other_commands() {
    let place = Place::with_run();
    let cases: &[(&str, &[&str])] = &[
        ("evaluate run table.csv --importance-samples 0", &["--importance-samples 0: expected at least 1"]),
        ("evaluate run table.csv --likelihood exact", &["'exact' for '--likelihood", "grid, iwelbo, auto"]),
        (
            "evaluate run table.csv --likelihood grid --refit-updates 5",
            &["a grid has no importance samples, and does not use the encoder", "iwelbo"],
        ),
        ("evaluate run table.csv --threads 0", &["--threads 0"]),
        ("evaluate run", &["arguments were not provided: <DATA>"]),
        ("evaluate absent table.csv", &["absent: there is no such run directory"]),
        ("evaluate table.csv table.csv", &["table.csv: this is not a run directory"]),
        ("impute run table.csv --out done.csv --draws 0", &["--draws 0: expected at least 1"]),
        ("impute run table.csv --out done.csv --draws 99999999999999", &["--draws 99999999999999: expected at most"]),
        ("impute run table.csv --out done.csv --proposals 0", &["--proposals 0: expected from 1"]),
        ("impute run table.csv --out done.csv --proposals 99999999999", &["--proposals 99999999999: expected from 1"]),
        ("impute run table.csv --out done.csv --draws 2 --statistic mean", &["every table would be the same"]),
        ("impute run table.csv --out done.xlsx", &["done.xlsx", "expected an ending of .csv, .tsv or .npy"]),
        ("impute run table.csv --out absent/done.csv", &["there is no directory absent", "hint: "]),
        ("impute run table.csv --out run.csv/done.csv", &["there is no directory run.csv"]),
        ("impute run table.csv", &["arguments were not provided: --out <FILE>"]),
        ("sample run --rows 0 --out drawn.csv", &["--rows 0: expected at least 1"]),
        ("sample run --rows 99999999999999999 --out drawn.csv", &["--rows 99999999999999999: expected at most"]),
        ("sample run --rows 5 --out drawn", &["expected an ending of .csv, .tsv or .npy"]),
        ("describe table.csv --columns q", &["no column named \"q\"; the file has \"a\", \"b\", \"c\""]),
        ("describe table.csv --threads 0", &["--threads 0"]),
        ("gradcheck --threads 0", &["--threads 0"]),
        ("fit table.csv", &["unrecognized subcommand 'fit'"]),
    ];
    for (arguments, words) in cases {
        place.refuses(arguments, 2, words);
    }
    fs::create_dir(place.file("folder.csv")).unwrap();
    place.refuses("sample run --rows 5 --out folder.csv", 2, &["folder.csv", "it is a directory"]);
    let place = Place::new();
    place.write("table.csv", table(40, 1.0, 0.0));
    place.missvae(&format!("train table.csv --latent 3 --epochs 1 {} --quiet --out run", SMALL.join(" "))).ok();
    place.refuses(
        "evaluate run table.csv --likelihood grid",
        2,
        &["--likelihood grid: the model has 3 latent dimensions", "hint: use --likelihood iwelbo"],
    );
}

#[test]
fn configuration_files() {
    let cases: &[(&[u8], &[&str])] = &[
        (b"epochs = 1\n\nlatent = = 2\n", &["options.toml, line 3: "]),
        (
            b"epochs = 1\ncomponnts = 2\n",
            &["options.toml, line 2: there is no option \"componnts\"", "mean components?"],
        ),
        (b"flavour = 2\n", &["options.toml, line 1: there is no option \"flavour\"", "hint: "]),
        (b"epochs = \"ten\"\n", &["options.toml, line 1: ", "expected a whole number"]),
        (b"hide = 1.5\n", &["--hide 1.5: expected a share"]),
        (b"estimator = \"best\"\n", &["options.toml, line 1: ", "`plain`, `stl`, `dreg`"]),
        (b"epochs = 1\nupdates = 2\n", &["options.toml, epochs and updates are both given"]),
        (b"epochs = 1\nthreads = 0\n", &["--threads 0: expected from 1 to"]),
        (b"epochs = 1\nquiet = 1\n", &["options.toml, line 2: "]),
        (b"epochs = 1\nquiett = true\n", &["options.toml, line 2: there is no option \"quiett\"", "mean quiet?"]),
        (b"data = \"table.csv\"\nout = \"\"\n", &["options.toml, out is empty", "hint: "]),
        (b"checkpoint-every = -1\n", &["--checkpoint-every -1: expected seconds"]),
        (b"epochs = 1\n# \xe9\n", &["options.toml, line 2: not UTF-8"]),
    ];
    let place = Place::new();
    place.write("table.csv", table(40, 1.0, 0.0));
    for (text, words) in cases {
        place.write("options.toml", text);
        place.refuses("train table.csv --config options.toml --out run", 2, words);
    }
    place.refuses("train table.csv --config absent.toml --out run", 2, &["absent.toml: no such file"]);
    place.refuses("train table.csv --config . --out run", 2, &[". is a directory"]);
}

#[test]
fn runs_that_are_there_already_or_are_none() {
    let place = Place::with_run();
    place.refuses(
        "train table.csv --epochs 1 --out run",
        2,
        &["run: there is a run in this directory already", "--overwrite"],
    );
    place.refuses("train table.csv --epochs 1 --out table.csv", 2, &["table.csv: a file has this name"]);
    place.refuses("train table.csv --epochs 1 --out table.csv/run", 2, &["a part of this path is a file"]);
    place.refuses("train --resume absent", 2, &["absent: there is no such run directory"]);
    place.refuses("train --resume table.csv", 2, &["table.csv: this is not a run directory"]);
    fs::create_dir(place.file("empty")).unwrap();
    place.refuses("train --resume empty", 2, &["empty: there is no config.toml", "hint: "]);
    place.refuses("evaluate empty table.csv", 2, &["empty: there is no model.safetensors", "hint: "]);
    // Options of a run that goes on are those that it began with.
    for option in ["--seed 3", "--epochs 9 --seed 3", "--columns a", "--batch-size 2", "--no-standardize"] {
        place.refuses(&format!("train --resume run {option}"), 2, &["--resume goes on with the options of the run"]);
    }
    for option in ["--out new", "--overwrite", "--config run/config.toml", "table.csv"] {
        place.refuses(&format!("train {option} --resume run"), 2, &["cannot be used with"]);
    }
    place.missvae(&format!("train table.csv --epochs 1 --quiet {} --overwrite --out run", SMALL.join(" "))).ok();
    assert_eq!(place.text("run/metrics.jsonl").lines().count(), 1);
}

#[test]
fn model_files_that_are_none() {
    let place = Place::with_run();
    let whole = place.read("run/model.safetensors");
    for length in [0, 7, 8, 100, whole.len() / 2, whole.len() - 4, whole.len() - 1] {
        place.write("run/model.safetensors", &whole[..length]);
        let words = ["run/model.safetensors: not a whole model file", "cut short", "hint: "];
        place.refuses("sample run --rows 5 --out drawn.csv", 2, &words);
    }
    let described = |description: &str| {
        let header = format!(r#"{{"format":"missvae-model-1","description":{description}}}"#);
        let text = serde_json::to_string(&header).unwrap();
        safetensors(&format!(r#""__metadata__":{{"missvae":{text}}},"#))
    };
    let sizes = |hidden: u64, columns: u64| {
        let networks = r#""encoder_blocks":1,"decoder_blocks":1,"dropout":0.0,"encoder_min_scale":0.0"#;
        let vae = format!(
            r#"{{"columns":{columns},"latent":1,"components":1,"hidden":{hidden},{networks},"decoder_min_scale":0.0}}"#
        );
        let column = r#"{"name":"a","kind":"numeric","mean":0.0,"scale":1.0}"#;
        described(&format!(r#"{{"vae":{vae},"method":"mvae","columns":[{column}],"updates":1}}"#))
    };
    let cases: [(Vec<u8>, &str); 8] = [
        (b"a picture, perhaps, or a letter to nobody".to_vec(), "not a whole model file"),
        (safetensors(""), "not a model of this program"),
        (safetensors(r#""__metadata__":{"format":"pt"},"#), "not a model of this program"),
        (safetensors(r#""__metadata__":{"missvae":"{"},"#), "its description is not that of a model"),
        (place.read("run/checkpoint.safetensors"), "expected a model file (missvae-model-2)"),
        (described("{}"), "its description is not that of a model"),
        (sizes(1 << 40, 1), "its description has hidden = 1099511627776; expected from 1 to "),
        (sizes(1, 2), "its description has columns = 2; expected 1, as many as are named"),
    ];
    for (content, what) in cases {
        place.write("run/model.safetensors", content);
        place.refuses("evaluate run table.csv", 2, &["run/model.safetensors: ", what, "hint: "]);
    }
    place.write("run/model.safetensors", sizes(0, 1));
    place.refuses("evaluate run table.csv", 2, &["its description has hidden = 0; expected from 1 to "]);
}

#[test]
fn checkpoints_that_are_none() {
    let place = Place::with_run();
    let whole = place.read("run/checkpoint.safetensors");
    // Three epochs are done; a fourth is asked for.
    place.write("run/config.toml", place.text("run/config.toml").replace("epochs = 3", "epochs = 4"));
    for length in [0, 9, whole.len() / 3, whole.len() - 1] {
        place.write("run/checkpoint.safetensors", &whole[..length]);
        let words = ["run/checkpoint.safetensors: not a whole checkpoint file", "cut short", "hint: "];
        place.refuses("train --resume run", 2, &words);
    }
    place.write("run/checkpoint.safetensors", place.read("run/model.safetensors"));
    place.refuses("train --resume run", 2, &["expected a checkpoint file (missvae-checkpoint-2)"]);
    place.write("run/checkpoint.safetensors", safetensors(""));
    place.refuses("train --resume run", 2, &["not a checkpoint of this program"]);

    // Of another model, and of another table.
    place.missvae("train table.csv --epochs 1 --hidden 9 --blocks 1 --quiet --out wider").ok();
    place.write("run/checkpoint.safetensors", place.read("wider/checkpoint.safetensors"));
    place.refuses("train --resume run", 2, &["run: its checkpoint is of another model than its config.toml describes"]);
    place.write("run/checkpoint.safetensors", &whole);
    let text = place.text("table.csv");
    place.write("table.csv", text.replacen("\n-", "\n", 1));
    place.refuses(
        "train --resume run",
        2,
        &[
            "run: the table, the validation rows or the feature model have changed since the run began",
            "hint: restore the files",
        ],
    );
    place.write("table.csv", table(41, 1.0, 0.0));
    place.refuses("train --resume run", 2, &["have changed since the run began"]);
    fs::remove_file(place.file("table.csv")).unwrap();
    place.refuses("train --resume run", 2, &["table.csv: no such file"]);

    place.write("table.csv", text);
    place.missvae("train --resume run --quiet").ok();
    assert_eq!(place.text("run/metrics.jsonl").lines().count(), 4);
}

/// A configuration that was edited so that the checkpoint does not fit it.
#[test]
fn edited_configurations() {
    let place = Place::new();
    place.write("table.csv", table(40, 1.0, 0.0));
    place.missvae(&format!("train table.csv --updates 17 --batch-size 4 {} --quiet --out run", SMALL.join(" "))).ok();
    let config = place.text("run/config.toml");
    place.write("run/config.toml", config.replace("updates = 17", "updates = 9"));
    place.refuses("train --resume run", 2, &["does not fit the batch size or the length"]);
    place.write("run/config.toml", config.replace("hidden = 8", "hidden = 16"));
    place.refuses("train --resume run", 2, &["its checkpoint is of another model"]);
    place.write("run/config.toml", config.replace("method = ", "metod = "));
    place.refuses("train --resume run", 2, &["config.toml, line", "there is no option \"metod\""]);
}

/// A learning rate at which the objective leaves the numbers: told where, and the model of before stays.
#[test]
fn a_run_that_diverges() {
    let place = Place::with_run();
    let train = format!("train table.csv --epochs 40 {} --quiet --learning-rate 1e30 --out new", SMALL.join(" "));
    place.missvae(&train).fails(1, &["epoch ", "update ", "hint: "]);
    assert!(!place.exists("new/model.safetensors"));
    let model = place.read("run/model.safetensors");
    place.write("run/config.toml", place.text("run/config.toml").replace("epochs = 3", "epochs = 50"));
    place.write(
        "run/config.toml",
        place.text("run/config.toml").replace("learning-rate = 0.003", "learning-rate = 1e30"),
    );
    place.missvae("train --resume run --quiet").fails(1, &["epoch ", "update "]);
    assert!(model == place.read("run/model.safetensors"));
}

/// What asking for the vectors of another processor comes to.
const NEON: Option<i32> = if cfg!(target_arch = "aarch64") { Some(0) } else { Some(2) };

/// The names of instruction sets are the processor's and no others.
#[test]
fn unknown_instruction_sets() {
    let place = Place::with_run();
    for (level, status) in [("plain", Some(0)), ("", Some(0)), ("avx1024", Some(2)), ("neon", NEON)] {
        let mut program = assert_cmd::Command::new(super::support::PROGRAM);
        let program = program.args(["describe", "table.csv", "--quiet"]).current_dir(place.path());
        let output = program.env("MISSVAE_SIMD", level).output().unwrap();
        assert_eq!(output.status.code(), status, "{output:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(status == Some(0) || said.contains(&format!("MISSVAE_SIMD={level}: expected one of plain")), "{said}");
    }
}

/// `ulimit -f` makes writes fail with "file too large", as a full disk makes them fail with "no space left".
#[cfg(unix)]
#[test]
fn a_disk_that_fills_up() {
    let place = Place::with_run();
    let unchanged = |blocks: usize, arguments: &str, words: &[&str]| {
        let before = place.snapshot();
        place.missvae_on_full_disk(blocks, arguments).fails(1, words);
        assert!(before == place.snapshot(), "`missvae {arguments}` left something");
    };
    let full = "cannot be written: the disk is full";
    unchanged(0, "train table.csv --epochs 1 --quiet --out new", &["new/config.toml", full, "hint: "]);
    unchanged(0, "impute run table.csv --out done.csv", &["done.csv", full]);
    unchanged(1, "sample run --rows 1000 --out drawn.csv", &["drawn.csv", full]);
    // Nor does a run go before there is room for what replaces it.
    unchanged(0, "train table.csv --epochs 1 --quiet --out run --overwrite", &["run/.new/config.toml", full, "hint: "]);

    // Enough for the small files, not for the model: the run can go on when there is room again.
    let train = format!("train table.csv --epochs 2 {} --quiet --out new", SMALL.join(" "));
    place.missvae_on_full_disk(4, &train).fails(1, &["new/model.safetensors", full]);
    let left: Vec<_> = fs::read_dir(place.file("new")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| name == "config.toml" || name == "metrics.jsonl"), "{left:?}");
    place.missvae("train --resume new --quiet").ok();
    place.missvae(&train.replace("--out new", "--out whole")).ok();
    assert!(place.read("new/model.safetensors") == place.read("whole/model.safetensors"));

    // The old model and checkpoint outlive a failure to replace them.
    let (model, checkpoint) = (place.read("run/model.safetensors"), place.read("run/checkpoint.safetensors"));
    place.write("run/config.toml", place.text("run/config.toml").replace("epochs = 3", "epochs = 5"));
    place.missvae_on_full_disk(4, "train --resume run --quiet").fails(1, &["run/model.safetensors", full]);
    assert!(model == place.read("run/model.safetensors") && checkpoint == place.read("run/checkpoint.safetensors"));
    place.missvae("train --resume run --quiet").ok();
    assert_eq!(place.text("run/metrics.jsonl").lines().count(), 5);
}

#[cfg(target_os = "linux")]
#[test]
fn places_that_cannot_be_written() {
    let place = Place::with_run();
    std::os::unix::fs::symlink("/dev/full", place.file("full.csv")).unwrap();
    place.refuses("sample run --rows 5 --out full.csv", 1, &["full.csv: cannot be written: the disk is full"]);
    place.refuses("impute run table.csv --out full.csv", 1, &["full.csv: cannot be written: the disk is full"]);
    // The process table takes no files, from nobody.
    place.refuses("sample run --rows 5 --out /proc/drawn.csv", 1, &["/proc/drawn.csv: cannot be written"]);
    place.refuses("train table.csv --out /proc/run", 1, &["/proc/run: the run directory cannot be made"]);
    let script = "exec \"$0\" describe table.csv > /dev/full";
    let output = std::process::Command::new("sh")
        .args(["-c", script, super::support::PROGRAM])
        .current_dir(place.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("missvae: standard output: "), "{output:?}");
}

/// Numbers that single precision cannot square are told with their file, row and column, wherever they come from.
#[test]
fn numbers_beyond_single_precision() {
    let place = Place::with_run();
    place.write("far.csv", "a,b,c\n0.1,0.2,0.3\n1e30,,0.2\n");
    let words = ["far.csv, row 2, column \"a\": about 1e30 is too large", "--missing-value"];
    place.refuses("evaluate run far.csv", 2, &words);
    place.refuses("impute run far.csv --out completed.csv", 2, &words);
    place.write("gap.csv", "a,b,c\n,,\n0.1,0.2,0.3\n1e30,,0.2\n");
    let words = ["gap.csv, row 3, column \"a\": about 1e30"];
    place.refuses("train table.csv --validation gap.csv --out new", 2, &words);
    place.write("table.csv", table(20, 1.0, 0.0) + "1e30,0.1,0.2\n");
    place.refuses("train table.csv --no-standardize --out new", 2, &["table.csv, row 21, column \"a\": about 1e30"]);
    // Whichever rows are set aside.
    for rows in ["--validation 0.7", "--validation 0.1", "--validation-from 10"] {
        let command = format!("train table.csv --no-standardize {rows} --out new");
        place.refuses(&command, 2, &["table.csv, row 21, column \"a\": about 1e30"]);
    }
    // What can be squared and has no density in single precision.
    place.write("off.csv", "a,b,c\n,,\n0.1,0.2,0.3\n1.5e19,,0.2\n-1.5e19,,0.2\n");
    let words = ["off.csv, row 3: the model does not cover it", "inf"];
    place.missvae("evaluate run off.csv --likelihood iwelbo --importance-samples 10 --quiet").fails(1, &words);
}

/// An array's columns have no names: one of another width is no table for the model, unless columns of such a one were chosen.
#[test]
fn arrays_of_another_width() {
    let place = Place::new();
    let mut text = String::from("x0,x1,x2\n");
    for row in 0..30 {
        text += &format!("{},{},{}\n", row % 7, row * row % 11, row % 5);
    }
    place.write("table.csv", &text);
    let small = SMALL.join(" ");
    place.missvae(&format!("train table.csv --epochs 1 {small} --quiet --out csv")).ok();
    place.missvae("sample csv --rows 30 --out three.npy").ok();
    let wide: String =
        text.lines().map(|line| format!("{line},{}\n", if line.starts_with('x') { "x3" } else { "1" })).collect();
    place.write("wide.csv", wide.replacen(",1\n", ",2\n", 1));
    place.missvae(&format!("train wide.csv --epochs 1 {small} --quiet --out wide")).ok();
    place.missvae("sample wide --rows 30 --out four.npy").ok();

    place.missvae(&format!("train three.npy --epochs 1 {small} --quiet --out run")).ok();
    let words = ["four.npy: rows of 4 numbers; the model was fitted to rows of 3"];
    place.refuses("evaluate run four.npy", 2, &words);
    place.refuses("impute run four.npy --out completed.npy", 2, &words);
    place.missvae("evaluate run three.npy").ok();
    place.refuses(&format!("train three.npy --validation four.npy {small} --out new"), 2, &words);
    place.missvae(&format!("train four.npy --ignore-columns x3 --epochs 1 {small} --quiet --out part")).ok();
    place.missvae("evaluate part four.npy").ok();
}

#[test]
fn completed_tables_do_not_replace_their_source() {
    let place = Place::with_run();
    place.write("done.2.csv", table(10, 1.0, 0.0));
    place.refuses("impute run ./done.2.csv --out done.csv --draws 2", 2, &["done.2.csv, DATA itself", "--out"]);
    fs::create_dir(place.file("half.2.csv")).unwrap();
    place.refuses("impute run table.csv --out half.csv --draws 2", 2, &["half.2.csv", "it is a directory"]);
    place.refuses("train --key x --out new", 2, &["the bundled penguins table: a key names an array"]);
    place.write("options.toml", "resume = \"run\"\n");
    place.refuses("train table.csv --config options.toml --out new", 2, &["\"resume\"", "command line only"]);
}

#[cfg(feature = "paper")]
#[test]
fn sizes_of_experiments() {
    let place = Place::with_run();
    place.refuses("reproduce fig2 --rows 10000000000000", 2, &["--rows 10000000000000: expected from 10 to"]);
    place.refuses("reproduce fig2 --rows 20 --seeds 1000000000000", 2, &["--seeds 1000000000000: expected at most"]);
    place.refuses("snr table.csv --seeds 1000000000000", 2, &["--seeds 1000000000000: expected from 1 to"]);
}
