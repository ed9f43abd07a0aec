//! Images.

use autodiff::ops::{BatchNormInputs, Conv2d};

use super::entry::Entry;
use crate::values::{numbers, positive, value, zeros_and_ones};

/// The entries of this file.
pub(super) fn entries() -> Vec<Entry> {
    let mut all = convolutions();
    all.extend(normalisations());
    all.extend(resizes());
    all
}

fn convolutions() -> Vec<Entry> {
    let mut all = Vec::new();
    for (images, weight, stride, padding) in [
        ([2, 4, 5, 3], [4, 3, 3, 3], 1, 1),
        ([2, 5, 7, 2], [3, 2, 3, 3], 2, 1),
        ([3, 7, 5, 1], [2, 1, 1, 1], 2, 0),
        ([2, 3, 3, 4], [1, 4, 1, 1], 1, 0),
        ([2, 1, 1, 2], [3, 2, 3, 3], 1, 1),
    ] {
        let [out, channels, size, _] = weight;
        let name = format!("conv2d, {size} × {size}, {channels} to {out} channels, stride {stride}");
        let inputs = [value(images, 60), value(weight, 61), value([out], 62)];
        all.push(Entry::new(name.clone(), inputs.clone(), move |g, x| {
            g.conv2d(x[0], x[1], Some(x[2]), Conv2d { stride, padding })
        }));
        let [images, weight, _] = inputs;
        all.push(Entry::new(format!("{name}, no bias"), [images, weight], move |g, x| {
            g.conv2d(x[0], x[1], None, Conv2d { stride, padding })
        }));
    }
    all
}

fn normalisations() -> Vec<Entry> {
    let mut all = Vec::new();
    for shape in [[3, 3, 2, 4], [9, 1, 1, 2], [2, 3, 5, 1]] {
        let channels = shape[3];
        let inputs = [value(shape, 63), value([channels], 64), value([channels], 65), value(shape, 66)];
        let name = format!("batch_norm, {channels} channels");
        let [x, scale, shift, residual] = inputs;
        let plain = [x.clone(), scale.clone(), shift.clone()];
        all.push(Entry::new(name.clone(), plain.clone(), |g, x| {
            g.batch_norm(x[0], x[1], x[2], BatchNormInputs::default())
        }));
        all.push(Entry::new(format!("{name}, with given statistics"), plain, move |g, x| {
            let mean = g.constant([channels], &numbers(channels, 67));
            let variance = g.constant([channels], &positive([channels], 68).1);
            let statistics = Some((mean, variance));
            g.batch_norm(x[0], x[1], x[2], BatchNormInputs { statistics, ..BatchNormInputs::default() })
        }));
        // At most √n deviations of 0.1 from 3, and a residual within 2: off the kink.
        let [mut scale, mut shift] = [scale, shift];
        scale.1.iter_mut().for_each(|x| *x *= 0.05);
        shift.1.iter_mut().enumerate().for_each(|(c, x)| *x = if c % 2 == 0 { 3.0 } else { -3.0 });
        all.push(Entry::new(format!("{name}, to the end of a block"), [x, scale, shift, residual], move |g, x| {
            let kept: Vec<f64> = zeros_and_ones([shape[0], channels], 69).1.iter().map(|kept| 1.25 * kept).collect();
            let dropout = Some(g.constant([shape[0], channels], &kept));
            let beside = BatchNormInputs { dropout, residual: Some(x[3]), relu: true, statistics: None };
            g.batch_norm(x[0], x[1], x[2], beside)
        }));
    }
    all
}

fn resizes() -> Vec<Entry> {
    let sizes = [([2, 2, 3, 2], [4, 6]), ([2, 8, 8, 1], [7, 7]), ([1, 1, 1, 3], [2, 3]), ([2, 5, 4, 2], [2, 1])];
    let entry = |(shape, [height, width]): ([usize; 4], [usize; 2])| {
        let name = format!("resize_nearest, {} × {} to {height} × {width}", shape[1], shape[2]);
        Entry::new(name, [value(shape, 70)], move |g, x| g.resize_nearest(x[0], [height, width]))
    };
    sizes.map(entry).into()
}
