//! After a first epoch, training allocates nothing: updates (with the short last minibatch of an epoch), the
//! reshuffle between epochs, and validation; on one thread, and inside a pool of two. With imputations, which are renewed
//! from the second epoch on, it does so after a second one, and without validation rows, whose imputations start afresh.
//!
//! An allocation counts if the thread that makes it trains. Those of the test harness's own threads do not, so there are
//! no false alarms, however the system schedules the threads, and tests may run side by side.

use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::cell::Cell;
use std::convert::Infallible;
use std::hint::black_box;
use std::io::{Write, stderr};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use autodiff::ops::Pathwise;
use linalg::simd::{Level, level};
use missvae::data::Data;
use missvae::network::{EncoderInput, ImageSizes, Vae, VaeConfig};
use missvae::objective::{
    Bound, CompletedObjectiveConfig, Estimator, Family, LogitGradient, METHODS, Method, ObjectiveConfig,
    finite_mixtures,
};
use missvae::trainer::Start;
use missvae::trainer::{
    EpochMetrics, ImputationTraining, Length, Objective, Observer, Outcome, Schedule, TrainConfig, Trainer,
    UpdateMetrics,
};
use samplers::chains::{ChainConfig, Lair, Resampling, Sampler, Scope, Weights};
use samplers::draw::fill_standard_normal;
use samplers::stream::{Purpose, stream};

/// Counts the allocations of the threads that hold it, from when it is armed.
#[derive(Default)]
struct Counter {
    armed: AtomicBool,
    count: AtomicUsize,
}

thread_local! {
    static COUNTER: Cell<Option<&'static Counter>> = const { Cell::new(None) };
}

/// Counts an allocation; says where the first one comes from.
fn note() {
    let Some(counter) = COUNTER.get() else { return };
    if counter.armed.load(Ordering::Relaxed) && counter.count.fetch_add(1, Ordering::Relaxed) == 0 {
        // What follows allocates too.
        COUNTER.set(None);
        eprintln!("the first allocation:\n{}", Backtrace::force_capture());
        COUNTER.set(Some(counter));
    }
}

struct Counting;

// SAFETY: every call is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note();
        // SAFETY: the caller's obligations are those of the called function.
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note();
        // SAFETY: as above.
        unsafe { System.realloc(ptr, layout, size) }
    }
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const COLUMNS: usize = 5;
const COMPONENTS: usize = 5;
const BATCH: usize = 64;
const EPOCHS: u64 = 4;

/// A table with so many of its cells missing as standard normal numbers are above `limit`: half for 0, 3% for 1.9.
fn table(columns: usize, rows: usize, limit: f32) -> Data<f32> {
    let mut rng = stream(7, Purpose::Generate, 0, rows as u64);
    let [mut values, mut chance] = [(); 2].map(|()| vec![0.0; rows * columns]);
    fill_standard_normal(&mut rng, &mut values);
    fill_standard_normal(&mut rng, &mut chance);
    Data::new(columns, values, chance.iter().map(|&x: &f32| x < limit).collect())
}

/// A method at the size of the MoG preset, as the paper samples it.
fn objective(method: Method, bound: Bound) -> ObjectiveConfig {
    let components = if method.single() { 1 } else { COMPONENTS };
    let (samples, importance_samples) = method.default_samples(components, COMPONENTS);
    ObjectiveConfig { samples, importance_samples, ..ObjectiveConfig::new(bound, components) }
}

/// Arms the counter when an epoch is over.
struct Alarm {
    counter: &'static Counter,
    /// Which one.
    after: u64,
    /// Whether to allocate on purpose, once an update.
    spoil: bool,
}

impl Observer<f32> for Alarm {
    type Error = Infallible;

    fn updated(&mut self, _: &Trainer<f32>, _: &UpdateMetrics) -> Result<ControlFlow<()>, Infallible> {
        if self.spoil {
            black_box(Box::new(1_u8));
        }
        Ok(ControlFlow::Continue(()))
    }

    fn epoch_ended(&mut self, _: &Trainer<f32>, epoch: &EpochMetrics) -> Result<ControlFlow<()>, Infallible> {
        assert!(epoch.validation.is_none_or(f64::is_finite));
        if epoch.epoch == self.after {
            self.counter.armed.store(true, Ordering::Relaxed);
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// Allocations of a training run after its first epoch, its second with imputations, on so many threads.
fn allocations(objective: Objective, dropout: f64, threads: usize, spoil: bool) -> usize {
    allocations_of(None, objective, dropout, threads, spoil)
}

/// The same of an image model.
fn allocations_of(
    images: Option<ImageSizes>,
    objective: Objective,
    dropout: f64,
    threads: usize,
    spoil: bool,
) -> usize {
    let counter: &'static Counter = Box::leak(Box::default());
    let (components, encoder_input, after) = match objective {
        Objective::FiniteMixture(config) => (config.components, EncoderInput::Incomplete, 1),
        Objective::ImputationMixture(_) => (1, EncoderInput::Completed, 2),
    };
    let columns = images.as_ref().map_or(COLUMNS, |images| images.size * images.size);
    let vae = Vae::new(VaeConfig {
        images,
        components,
        encoder_input,
        hidden: 200,
        encoder_blocks: 3,
        decoder_blocks: 3,
        dropout,
        decoder_min_scale: 0.0,
        ..VaeConfig::new(columns, 2)
    });
    let config = TrainConfig {
        objective,
        batch_size: BATCH,
        length: Length::Epochs(EPOCHS),
        learning_rate: 1e-3,
        schedule: Schedule::Constant,
        clip: Some(10.0),
        seed: 3,
    };
    // Neither is a multiple of the batch.
    let imputes = matches!(objective, Objective::ImputationMixture(_));
    // With few gaps, the number of rows that a sampler has to do with differs from minibatch to minibatch.
    let rows = table(columns, 2 * BATCH + 22, if imputes { 1.9 } else { 0.0 });
    let validation = (!imputes).then(|| table(columns, BATCH + 36, 0.0));
    let train = || {
        COUNTER.set(Some(counter));
        let mut trainer = Trainer::new(vae, config).unwrap();
        let outcome = trainer.run(&rows, validation.as_ref(), &mut Alarm { counter, after, spoil }).unwrap();
        counter.armed.store(false, Ordering::Relaxed);
        COUNTER.set(None);
        assert_eq!((outcome, trainer.progress().update), (Outcome::Finished, 3 * EPOCHS));
    };
    if threads == 1 {
        train();
    } else {
        let watched = move |_| COUNTER.set(Some(counter));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).start_handler(watched).build().unwrap();
        // A thread allocates once when it first looks for work: let each have done so.
        pool.broadcast(|_| ());
        pool.install(train);
    }
    counter.count.load(Ordering::Relaxed)
}

/// Whether this processor's products allocate; says so.
fn products_allocate() -> bool {
    if level() == Level::Plain {
        // Past the harness, which keeps what a passing test prints to itself.
        let _ = writeln!(stderr(), "skipped: without vectors, products are matrixmultiply's, which allocates");
    }
    level() == Level::Plain
}

/// Asserts that no run allocates after its first epoch (its second, with imputations), on one thread and on two.
fn assert_none(runs: impl IntoIterator<Item = (Objective, f64)>) {
    if products_allocate() {
        return;
    }
    for (objective, dropout) in runs {
        for threads in [1, 2] {
            let count = allocations(objective, dropout, threads, false);
            assert_eq!(count, 0, "{threads} thread(s), dropout {dropout}, {objective:?}");
        }
    }
}

/// Each method as the paper samples it; those with imputations with the given sampler.
fn methods(sampler: Sampler) -> impl Iterator<Item = Objective> {
    METHODS.into_iter().map(move |method| match method.family {
        Family::FiniteMixture { bound, .. } => objective(method, bound).into(),
        Family::ImputationMixture { decoder, encoder } => {
            let (imputations, samples, estimator) = (COMPONENTS, 1, Estimator::Stl);
            let objective = CompletedObjectiveConfig { decoder, encoder, imputations, samples, estimator };
            let sampler = ChainConfig { sampler, iterations: 2 };
            Objective::ImputationMixture(ImputationTraining {
                objective,
                start: Start::Observed,
                renew_from: 2,
                sampler,
            })
        }
    })
}

const LAIR: Lair = Lair {
    proposals: 2,
    replenish: 1,
    weights: Weights::Dmis,
    scope: Scope::Global,
    resampling: Resampling::Multinomial,
    resample_final: true,
};

#[test]
fn no_method_allocates() {
    assert_none(methods(Sampler::Lair(LAIR)).map(|objective| (objective, 0.0)));
}

#[test]
fn no_method_allocates_with_dropout() {
    assert_none(methods(Sampler::MetropolisWithinGibbs { warm_up: 1 }).map(|objective| (objective, 0.5)));
}

#[test]
fn no_sampler_allocates() {
    let lair = Lair { weights: Weights::Smis, scope: Scope::Local, resampling: Resampling::Systematic, ..LAIR };
    for sampler in [Sampler::PseudoGibbs, Sampler::Lair(lair)] {
        let imputed = methods(sampler).filter(|objective| matches!(objective, Objective::ImputationMixture(_)));
        assert_none(imputed.map(|objective| (objective, 0.0)));
    }
}

#[test]
fn no_estimator_allocates() {
    let mut runs = Vec::new();
    for plain in finite_mixtures().map(|(method, bound)| objective(method, bound)) {
        let other = |estimator| ObjectiveConfig { estimator, ..plain };
        let responsibility =
            |logit_gradient| ObjectiveConfig { pathwise: Pathwise::Responsibility, logit_gradient, ..plain };
        runs.extend([
            other(Estimator::Plain),
            other(Estimator::Dreg),
            responsibility(LogitGradient::Implicit),
            responsibility(LogitGradient::LeaveOneOut),
        ]);
    }
    // Not every combination exists.
    runs.retain(|objective| objective.check().is_ok());
    assert!(runs.len() > 2 * finite_mixtures().count(), "{} runs", runs.len());
    assert_none(runs.into_iter().map(|objective| (objective.into(), 0.0)));
}

/// Convolutional networks, whose minibatches are cut into tiles and parts for the threads.
#[test]
fn no_image_model_allocates() {
    if products_allocate() {
        return;
    }
    let imputed = methods(Sampler::PseudoGibbs).find(|objective| matches!(objective, Objective::ImputationMixture(_)));
    let (method, bound) = finite_mixtures().nth(2).unwrap();
    for objective in [objective(method, bound).into(), imputed.unwrap()] {
        for threads in [1, 2] {
            let images = ImageSizes { size: 6, encoder_widths: vec![4, 6], decoder_widths: vec![6, 4] };
            let count = allocations_of(Some(images), objective, 0.3, threads, false);
            assert_eq!(count, 0, "{threads} thread(s), {objective:?}");
        }
    }
}

/// The test can fail: one allocation an update, made on purpose, is seen on one thread and on two.
#[test]
fn an_allocation_is_noticed() {
    for threads in [1, 2] {
        let (method, bound) = finite_mixtures().next().unwrap();
        let count = allocations(objective(method, bound).into(), 0.0, threads, true);
        assert!(count >= 3 * (EPOCHS as usize - 1), "{count} on {threads} thread(s)");
    }
}

/// Allocations of every thread of a pool are seen, not only of the one that trains.
#[test]
fn allocations_of_other_threads_are_noticed() {
    let counter: &'static Counter = Box::leak(Box::default());
    let watched = move |_| COUNTER.set(Some(counter));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).start_handler(watched).build().unwrap();
    counter.armed.store(true, Ordering::Relaxed);
    let before = pool.broadcast(|_| {
        let before = counter.count.load(Ordering::Relaxed);
        drop(black_box(Box::new(1_u8)));
        before
    });
    assert!(before.iter().all(|&before| before < counter.count.load(Ordering::Relaxed)));
    assert!(counter.count.load(Ordering::Relaxed) >= 2);
}
