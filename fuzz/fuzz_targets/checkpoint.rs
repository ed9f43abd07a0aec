//! Checkpoints.

#![no_main]

use std::cell::OnceCell;

use libfuzzer_sys::fuzz_target;
use missvae_fuzz::Place;

thread_local!(static PLACE: OnceCell<Place> = const { OnceCell::new() });

fuzz_target!(|bytes: &[u8]| PLACE.with(|place| place.get_or_init(Place::default).checkpoint(bytes)));
