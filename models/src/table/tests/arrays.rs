//! NumPy files in, NumPy files out.

use super::*;
use npyz::Order;

const NAN: f32 = f32::NAN;

#[test]
fn both_orders_mean_the_same_table() {
    let file = TestFile::new("a.npy", b"");
    array(&file.path, &[3, 2], &[1.0, 2.0, NAN, 4.0, 5.0, 6.0], Order::C);
    let c = file.to_fit().unwrap();
    array(&file.path, &[3, 2], &[1.0, NAN, 5.0, 2.0, 4.0, 6.0], Order::Fortran);
    assert_eq!(shown(&c), "[1.0, 2.0][NaN, 4.0][5.0, 6.0]");
    assert_eq!(shown(&file.to_fit().unwrap()), shown(&c));
    assert_eq!(c.columns(), ["x0", "x1"]);
    let packed = TestFile::new("a.npy.gz", &gzipped(&std::fs::read(&file.path).unwrap()));
    assert_eq!(shown(&packed.to_fit().unwrap()), shown(&c));
}

#[test]
fn what_is_not_a_table() {
    let file = TestFile::new("a.npy", b"");
    let error = |shape: &[u64], values: &[f32]| {
        array(&file.path, shape, values, Order::C);
        file.to_fit().unwrap_err()
    };
    assert!(error(&[4], &[1.0; 4]).to_string().contains("the shape is [4]"));
    assert!(error(&[1, 1, 2, 2], &[1.0; 4]).to_string().contains("two axes (rows, columns) or three (images)"));
    assert!(error(&[2, 0, 2], &[]).to_string().contains("the shape is [2, 0, 2]"));
    assert!(matches!(error(&[0, 2, 2], &[]), Error::NoRows { .. }));
    array(&file.path, &[2, 1, 2], &[1.0, 2.0, 3.0, 4.0], Order::C);
    assert_eq!(shown(&file.to_fit().unwrap()), "[1.0, 2.0][3.0, 4.0]");
    assert!(error(&[2, 0], &[]).to_string().contains("the shape is [2, 0]"));
    assert!(matches!(error(&[0, 3], &[]), Error::NoRows { .. }));
    let infinite = error(&[2, 2], &[1.0, 2.0, 3.0, f32::NEG_INFINITY]);
    assert!(infinite.to_string().contains("\"x1\" has an infinite value (\"-inf\" in row 2)"), "{infinite}");

    array(&file.path, &[2, 2], &[1.0, 2.0, 3.0, 4.0], Order::C);
    let whole = std::fs::read(&file.path).unwrap();
    assert!(fails("a.npy", &whole[..whole.len() - 1]).to_string().contains("ends before 2 rows of 2 numbers"));
    assert!(fails("a.npy", &whole[..20]).to_string().contains("the header is cut off"));
    assert!(fails("a.npy", b"a,b\n1,2\n3,4\n").to_string().contains("not a NumPy array"));
    let at = whole.windows(3).position(|bytes| bytes == b"<f4").unwrap();
    let mut integers = whole.clone();
    integers[at + 1] = b'i';
    // The bits of 1, 2, 3 and 4 in single precision.
    std::fs::write(&file.path, &integers).unwrap();
    assert_eq!(shown(&file.to_fit().unwrap()), "[1065353216.0, 1073741824.0][1077936128.0, 1082130432.0]");
    integers[at + 1] = b'c';
    integers[at + 2] = b'8';
    let error = fails("a.npy", &integers).to_string();
    assert!(error.contains("type is '<c8'") && error.contains("astype(float)"), "{error}");
    let at = whole.windows(6).position(|bytes| bytes == b"(2, 2,").unwrap();
    for shape in ["(2,9999999999999,", "(9999999999999,2,"] {
        let mut huge = whole.clone();
        huge.splice(at..at + 6, shape.bytes());
        // The header's length is a 16-bit number at byte 8.
        let length = u16::from_le_bytes([huge[8], huge[9]]) + (shape.len() - 6) as u16;
        huge[8..10].copy_from_slice(&length.to_le_bytes());
        for order in ["False", "True "] {
            let at = whole.windows(5).position(|bytes| bytes == b"False").unwrap();
            huge[at..at + 5].copy_from_slice(order.as_bytes());
            fails("a.npy", &huge);
        }
    }
}

#[test]
fn archives_need_a_key_when_they_hold_several_arrays() {
    use npyz::WriterBuilder;
    let file = TestFile::new("a.npz", b"");
    // Compressed, as numpy.savez_compressed leaves them, and plain, as numpy.savez does.
    let methods = [zip::CompressionMethod::Deflated, zip::CompressionMethod::Stored];
    let write = |arrays: &[(&str, [f64; 4])]| {
        let mut archive = zip::ZipWriter::new(std::fs::File::create(&file.path).unwrap());
        for ((name, values), method) in arrays.iter().zip(methods) {
            let options = zip::write::SimpleFileOptions::default().compression_method(method);
            archive.start_file(format!("{name}.npy"), options).unwrap();
            let array = npyz::WriteOptions::new().default_dtype().shape(&[2, 2]).writer(&mut archive);
            let mut array = array.begin_nd().unwrap();
            array.extend(values.iter()).unwrap();
            array.finish().unwrap();
        }
        archive.finish().unwrap();
    };
    let read = |key: Option<&str>| {
        let options = key.map_or(ReadOptions::new(), |key| ReadOptions::new().key(key));
        read_to_fit(&file.input(), &options).map(|read| read.table)
    };
    write(&[("only", [1.0, 2.0, 3.0, f64::NAN])]);
    assert!(read(None).unwrap_err().to_string().contains("\"x1\" is constant"));
    write(&[("train", [1.0, 2.0, 3.0, 4.0]), ("test", [5.0, 6.0, 7.0, 8.0])]);
    assert_eq!(shown(&read(Some("test")).unwrap()), "[5.0, 6.0][7.0, 8.0]");
    assert!(read(None).unwrap_err().to_string().ends_with("no array was named; the file holds \"test\", \"train\""));
    let unknown = read(Some("x")).unwrap_err();
    assert!(unknown.to_string().ends_with("no array named \"x\"; the file holds \"test\", \"train\""));
    let whole = std::fs::read(&file.path).unwrap();
    std::fs::write(&file.path, &whole[..whole.len() / 2]).unwrap();
    assert!(matches!(read(None).unwrap_err(), Error::BadArray { .. }));
    let text = TestFile::new("a.csv", b"a\n1\n2\n");
    let options = ReadOptions::new().key("x");
    let error = read_to_fit(&text.input(), &options).unwrap_err();
    assert!(matches!(error, Error::KeyWithoutArchive { .. }));
}

#[test]
fn arrays_come_back_in_their_precision() {
    let file = TestFile::new("a.npy", b"");
    array(&file.path, &[2, 3], &[0.1, NAN, 7.0, 4.0, 5.0, NAN], Order::C);
    let bytes = completed(&file, &["x1", "x0"], "out.npy");
    let back = npyz::NpyFile::new(&bytes[..]).unwrap();
    assert_eq!((back.shape(), back.dtype().descr()), (&[2, 3][..], "'<f4'".into()));
    let values = back.into_vec::<f32>().unwrap();
    assert_eq!(values[..5], [0.1, 0.5, 7.0, 4.0, 5.0]);
    assert!(values[5].is_nan(), "an untouched column stays as it was");
    let text = completed(&file, &["x1", "x0"], "out.csv");
    assert_eq!(String::from_utf8(text).unwrap(), "x0,x1,x2\n0.1,0.5,7\n4,5,NaN\n");
}

#[test]
fn text_becomes_an_array_of_its_model_columns() {
    let file = TestFile::new("a.csv", b"s,b,a\nx,1,NA\ny,,4\n");
    let bytes = completed(&file, &["a", "b"], "out.npy");
    let back = npyz::NpyFile::new(&bytes[..]).unwrap();
    assert_eq!(back.shape(), [2, 2]);
    assert_eq!(back.into_vec::<f64>().unwrap(), [1.0, 0.5, 0.5, 4.0]);
}
