//! Image models: from IDX files to runs, scores, completed images and samples.

use std::io::Write;

use super::support::Place;

/// A network of a few channels for images of 8 × 8 pixels.
const TRAIN: &str = "--image-size 8 --encoder-widths 3,4 --decoder-widths 4,3 --latent 3 --hide-quadrants 2 --dropout 0.3 \
                     --components 2 --batch-size 16 --epochs 3 --seed 5";

/// An IDX file of images with bright and dark halves.
pub(super) fn idx(images: u32, size: u32) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, 3];
    [images, size, size].iter().for_each(|n| bytes.extend(n.to_be_bytes()));
    for image in 0..images {
        let bright = |pixel: u32| (pixel % size < size / 2) == image.is_multiple_of(2);
        bytes.extend((0..size * size).map(|pixel| if bright(pixel) { 250 - (image % 9) as u8 } else { 3 }));
    }
    bytes
}

/// The cells below a header, row by row; `None` where missing.
fn cells(text: &str) -> Vec<Option<f64>> {
    text.lines().skip(1).flat_map(|line| line.split(',')).map(|cell| cell.parse().ok()).collect()
}

fn gzipped(content: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(content).unwrap();
    gzip.finish().unwrap()
}

#[test]
fn from_images_to_a_model_and_back() {
    let place = Place::new();
    place.write("train.idx", idx(50, 8));
    place.write("train-images-idx3-ubyte.gz", gzipped(&idx(50, 8)));
    place.write("test.idx", idx(6, 8));
    let run = |file: &str, method: &str, out: &str| {
        let arguments = format!("train {file} {TRAIN} --validation-from 40 --method {method} --out {out} --json");
        place.missvae(&arguments).json()
    };
    let summary = run("train.idx", "miss-svae", "run");
    assert_eq!(summary["rows"], 40);
    assert_eq!(summary["cells_missing"], 40 * 32);
    assert_eq!(summary["updates"], 9);
    assert!(summary["validation"].as_f64().unwrap().is_finite());

    // Compressed or not, the bits are the same; another number of threads does not change them either.
    run("train-images-idx3-ubyte.gz --threads 1", "miss-svae", "again");
    assert_eq!(place.read("run/model.safetensors"), place.read("again/model.safetensors"));

    let scored = place.missvae("evaluate run test.idx --importance-samples 100 --seed 2 --json").json();
    assert_eq!((&scored["rows"], &scored["likelihood"]), (&6.into(), &"iwelbo".into()));
    let refitted = "evaluate run test.idx --importance-samples 100 --refit-updates 2 --seed 2 --json";
    let refitted = place.missvae(refitted).json();
    assert_eq!(refitted["log_likelihood_before_refit"], scored["log_likelihood"]);
    assert_ne!(refitted["log_likelihood"], scored["log_likelihood"]);

    // Stages that end at one pixel: the six images together have the variance that one alone has not.
    let deep =
        "train train.idx --image-size 8 --encoder-widths 2,2,2,2 --decoder-widths 2,2 --updates 1 --quiet --out deep";
    place.missvae(deep).ok();
    place.missvae("evaluate deep test.idx --importance-samples 10 --refit-updates 2 --quiet").ok();
    place.write("one.idx", idx(1, 8));
    let alone = "evaluate deep one.idx --importance-samples 10 --refit-updates 2 --quiet";
    place.refuses(alone, 2, &["in a minibatch of one image", "--refit-updates 0"]);

    place.missvae("sample run --rows 4 --out drawn.csv").ok();
    let drawn = cells(&place.text("drawn.csv"));
    assert!(drawn.len() == 4 * 64 && drawn.iter().all(|x| x.is_some_and(|x| x.abs() == 1.0)));
}

/// Every sampler completes images with pixels, and leaves the observed ones as they were.
#[test]
fn completed_images() {
    let place = Place::new();
    place.write("train.idx", idx(40, 8));
    place.missvae(&format!("train train.idx {TRAIN} --method miss-vae --out run --quiet")).ok();
    let demiss = format!("train train.idx {TRAIN} --method demiss-vae --sampler pseudo-gibbs --out demiss --quiet");
    place.missvae(&demiss).ok();
    // The left half of two images, in −1 and +1, and of one in intensities.
    let half = |dark: &str, bright: &str| {
        let line = |y: usize| if y.is_multiple_of(2) { [dark; 4].join(",") } else { [bright; 4].join(",") };
        (0..8).map(|y| format!("{},,,,", line(y))).collect::<Vec<_>>().join(",")
    };
    let header = (0..64).map(|pixel| format!("p{pixel}")).collect::<Vec<_>>().join(",");
    place.write("binary.csv", format!("{header}\n{0}\n{0}\n", half("-1", "1")));
    place.write("intensities.csv", format!("{header}\n{}\n", half("0", "200")));
    for (run, samplers) in [("run", &["importance", "lair", "mwg"][..]), ("demiss", &["pseudo-gibbs", "lair", "mwg"])] {
        for sampler in samplers {
            for (file, allowed) in [("binary.csv", [-1.0, 1.0]), ("intensities.csv", [0.0, 255.0])] {
                for statistic in ["draw", "mean", "median"] {
                    let how = format!("--sampler {sampler} --statistic {statistic} --out out.csv");
                    place.missvae(&format!("impute {run} {file} {how} --quiet")).ok();
                    let (before, after) = (cells(&place.text(file)), cells(&place.text("out.csv")));
                    assert_eq!(before.len(), after.len());
                    for (before, after) in before.into_iter().zip(after) {
                        let after = after.expect("a completed pixel");
                        assert!(before.is_none_or(|before| before == after));
                        let inside = (allowed[0]..=allowed[1]).contains(&after);
                        assert!(
                            inside && (before.is_some() || statistic != "draw" || allowed.contains(&after)),
                            "{after}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn a_resumed_run_has_the_same_bits() {
    let place = Place::new();
    place.write("train.idx", idx(50, 8));
    let train = |epochs: &str, out: &str| {
        let length = TRAIN.replace("--epochs 3", epochs);
        place.missvae(&format!("train train.idx {length} --schedule constant --out {out} --quiet")).ok();
    };
    train("--epochs 4", "whole");
    train("--epochs 2", "parts");
    let config = place.text("parts/config.toml").replace("epochs = 2", "epochs = 4");
    place.write("parts/config.toml", config);
    place.missvae("train --resume parts --quiet").ok();
    assert_eq!(place.read("whole/model.safetensors"), place.read("parts/model.safetensors"));
}

/// A PNG image in shades of grey.
fn png(size: u32, bits: png::BitDepth, bytes: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, size, size);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(bits);
    encoder.write_header().unwrap().write_image_data(bytes).unwrap();
    file
}

/// Larger images become those of the model when they are read: from a directory of PNG, one bit or eight a pixel, as from an
/// IDX file. Each pixel of an 8 × 8 image is made of those of a 24 × 24 one around it, so that large areas stay what they are.
#[test]
fn larger_images_are_made_smaller() {
    let place = Place::new();
    // A white half of 12 columns in 24, on the left or on the right: three bytes a line at one bit a pixel.
    let line = |left: bool| if left { [0xff, 0xf0, 0x00] } else { [0x00, 0x0f, 0xff] };
    let mut idx = vec![0, 0, 8, 3];
    [30u32, 24, 24].iter().for_each(|n| idx.extend(n.to_be_bytes()));
    for image in 0..30 {
        let bits = line(image % 2 == 0).repeat(24);
        let bytes: Vec<u8> =
            bits.iter().flat_map(|byte| (0..8).map(move |bit| 255 * (byte >> (7 - bit) & 1))).collect();
        idx.extend(&bytes);
        let image_file = format!("drawn/alphabet{}/{:02}.png", image / 10, image);
        if image < 20 {
            place.write(&image_file, png(24, png::BitDepth::One, &bits));
        } else {
            place.write(&image_file, png(24, png::BitDepth::Eight, &bytes));
        }
    }
    place.write("large.idx", &idx);
    place.write("drawn/notes.txt", "not an image");
    let train = TRAIN.replace("--epochs 3", "--epochs 1");
    for (data, out) in [("drawn", "one"), ("large.idx", "two")] {
        place.missvae(&format!("train {data} {train} --resize --out {out} --quiet")).ok();
    }
    assert!(place.read("one/model.safetensors") == place.read("two/model.safetensors"));
    let score = |data: &str| {
        let command = format!("evaluate one {data} --importance-samples 10 --json");
        place.missvae(&command).json()["log_likelihood"].as_f64().unwrap()
    };
    assert_eq!(score("drawn --resize").to_bits(), score("large.idx --resize").to_bits());

    let hint = "hint: train and evaluate make larger images smaller by --resize";
    place.refuses(
        &format!("train drawn {train} --out x"),
        2,
        &["drawn: rows of 576 numbers; expected images of 8 × 8", hint],
    );
    place.refuses("impute one large.idx --out x.npy", 2, &["large.idx: rows of 576 numbers", hint]);
    place.write("wide/a.png", png(4, png::BitDepth::Eight, &[9; 16]));
    place.refuses(
        &format!("train wide {train} --resize --out x"),
        2,
        &["wide: rows of 16 numbers; expected images of 8 × 8"],
    );
    place.write("wide/b.png", png(5, png::BitDepth::Eight, &[9; 25]));
    place.refuses(
        &format!("train wide {train} --image-size 4 --out x").replacen("--image-size 8 ", "", 1),
        2,
        &["wide/b.png: 5 × 5 pixels, where ", "wide/a.png has 4 × 4"],
    );
    place.write("torn/a.png", &png(8, png::BitDepth::Eight, &[9; 64])[..40]);
    place.refuses(&format!("train torn {train} --out x"), 2, &["torn/a.png", "expected PNG images"]);
    #[cfg(unix)]
    std::os::unix::fs::symlink(".", place.file("drawn/again")).unwrap();
    assert_eq!(score("drawn --resize").to_bits(), score("large.idx --resize").to_bits(), "links are not followed");
    place.refuses("train large.idx --image-size 0 --resize --out x", 2, &["large.idx: rows of 576 numbers"]);
    let row = |pixel: &str| vec![pixel; 100].join(",");
    place.write(
        "binary.csv",
        format!("{}\n{}\n", (0..100).map(|i| format!("x{i}")).collect::<Vec<_>>().join(","), row("-1")),
    );
    place.refuses(
        &format!("train binary.csv {train} --resize --out x"),
        2,
        &["binary.csv: some pixels are below 0", "--resize"],
    );
    // Paper is white to the last bit: 105 × 105 pixels as they are published, 28 × 28 in the networks.
    let mut paper = vec![0, 0, 8, 3];
    [6u32, 105, 105].iter().for_each(|n| paper.extend(n.to_be_bytes()));
    paper.extend(vec![255; 6 * 105 * 105]);
    place.write("paper.idx", &paper);
    let small = "--encoder-widths 2,2 --decoder-widths 2,2 --updates 1 --validation 0.2 --quiet";
    place.missvae(&format!("train paper.idx --preset omniglot {small} --out paper")).ok();
    place.write("none/notes.txt", "");
    place.refuses(&format!("train none {train} --out x"), 2, &["none is a directory without a PNG image"]);
    place.write("table.csv", "a,b\n1,2\n3,4\n5,7\n");
    place.refuses("train table.csv --resize --out x", 2, &["--resize: this is for images"]);
}

#[test]
fn images_that_cannot_be_read() {
    let whole = idx(5, 8);
    let labels = [&[0, 0, 8, 1, 0, 0, 0, 3][..], &[1, 2, 3]].concat();
    let with = |at: usize, byte: u8| {
        let mut bytes = whole.clone();
        bytes[at] = byte;
        bytes
    };
    let cases: &[(&str, Vec<u8>, &[&str])] = &[
        (
            "cut.idx",
            whole[..200].to_vec(),
            &["cut.idx: the file ends in image 3 of 5 with 8 × 8 pixels", "expected IDX images"],
        ),
        ("cut.idx.gz", gzipped(&whole[..200]), &["cut.idx.gz: the file ends in image 3 of 5"]),
        ("part.idx.gz", gzipped(&whole)[..30].to_vec(), &["part.idx.gz", "truncated"]),
        ("head.idx", whole[..9].to_vec(), &["head.idx: the header is cut off"]),
        ("long.idx", [&whole[..], &[7]].concat(), &["long.idx: the file goes on after 5 images"]),
        ("labels-idx1-ubyte", labels, &["labels-idx1-ubyte: it holds labels", "expected IDX images"]),
        ("float.idx", with(2, 0x0d), &["float.idx: the numbers' type is 0x0d"]),
        ("flat.idx", with(3, 2), &["flat.idx: it has 2 axes"]),
        ("other.idx", with(0, b'P'), &["other.idx: it begins with the bytes [50, 00, 08, 03]"]),
        ("none.idx", idx(0, 8), &["none.idx: no data row"]),
        ("empty.idx", idx(3, 0), &["empty.idx: its images have 0 × 0 pixels"]),
        ("small.idx", idx(5, 6), &["small.idx: rows of 36 numbers; expected images of 8 × 8 pixels, 64 numbers a row"]),
        ("named.csv", whole.clone(), &["named.csv: this is an IDX file", "hint: ", ".idx"]),
        ("table.csv", b"a,b\n1,2\n3,4\n".to_vec(), &["rows of 2 numbers; expected images of 8 × 8 pixels"]),
    ];
    // As many pixels as 8 × 8, and 16 × 16, in other shapes.
    let [oblong, large] = [[4, 16], [8, 32]].map(|[height, width]: [u8; 2]| {
        let pixels = vec![9; usize::from(height) * usize::from(width)];
        [&[0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, height, 0, 0, 0, width], &pixels[..]].concat()
    });
    let place = Place::new();
    place.write("oblong.idx", oblong);
    place.write("large.idx", large);
    let array = b"\x93NUMPY\x01\x00\x46\x00{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2, 32), }";
    place.write("oblong.npy", [&array[..], &[b' '; 11], b"\n", &[9; 64]].concat());
    for (file, words) in [
        ("oblong.idx", "oblong.idx: images of 4 × 16 pixels; expected square ones, of 8 × 8"),
        ("large.idx --resize", "large.idx: images of 8 × 32 pixels; expected square ones, of 8 × 8"),
        ("oblong.npy", "oblong.npy: images of 2 × 32 pixels; expected square ones, of 8 × 8"),
    ] {
        place.refuses(&format!("train {file} {TRAIN} --out run"), 2, &[words]);
    }
    place.write("images.idx", &whole);
    for (name, content, words) in cases {
        place.write(name, content);
        place.refuses(&format!("train {name} {TRAIN} --out run"), 2, words);
    }
    for (options, words) in [
        ("--validation-from 5", &["--validation-from 5: expected a row from 1 to 4, of 5"][..]),
        ("--hidden 8", &["--hidden: this is for tables"]),
        ("--encoder-widths 3,x", &["--encoder-widths 3,x: expected 1 to 10 numbers of channels"]),
        ("--hide-quadrants 4", &["--hide-quadrants 4: expected from 0 to 3"]),
        ("--columns x0", &["--columns: this is for tables"]),
        (
            "--batch-size 1 --encoder-widths 2,2,2,2",
            &[
                "in a minibatch of one image, batch normalisation has a single value",
                "hint: take two images or more",
                "--batch-size",
            ],
        ),
        (
            "--method demiss-vae --initial-imputations zero",
            &["imputations of pixels and positive numbers start as observed values"],
        ),
        ("--batch-size 1 --encoder-widths 4096 --samples 500000", &["an update on 1 row", "GB of memory"]),
    ] {
        place.refuses(&format!("train images.idx --image-size 8 {options} --out run"), 2, words);
    }
    place.write("one.idx", idx(1, 8));
    let words = ["--validation-from 1: 1 row cannot be split"];
    place.refuses("train one.idx --image-size 8 --validation-from 1 --out run", 2, &words);
    place.refuses("train images.idx --preset mnist --out run", 2, &["expected images of 28 × 28 pixels"]);
    place.write("few.idx", idx(5, 28));
    place.refuses(
        "train few.idx --preset mnist --out run",
        2,
        &["few.idx: --validation-from 54000: expected a row from 1 to 4", "the published 60,000 images"],
    );
    place.refuses("train table.csv --hide-quadrants 2 --out run", 2, &["--hide-quadrants: this is for images"]);
    let header = (0..64).map(|pixel| format!("x{pixel}")).collect::<Vec<_>>().join(",");
    place.write("grey.csv", format!("{header}\n{}\n", ["0.5"; 64].join(",")));
    place.refuses(
        "train grey.csv --image-size 8 --out run",
        2,
        &["pixel 63 is 0.5, the brightest of all; expected pixels"],
    );

    place.missvae(&format!("train images.idx {TRAIN} --epochs 1 --out run --quiet").replace("--epochs 3", "")).ok();
    place.refuses("evaluate run small.idx", 2, &["small.idx: rows of 36 numbers; expected images of 8 × 8"]);
    place.refuses("impute run labels-idx1-ubyte --out x.csv", 2, &["it holds labels"]);
    place.refuses("evaluate run images.idx --likelihood grid", 2, &["--likelihood grid: this is for tables"]);
}
