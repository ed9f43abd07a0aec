//! Instruction sets, and which of them kernels use.

use std::sync::OnceLock;

use thiserror::Error;

/// Instruction sets, from narrow to wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// One lane.
    Plain,
    /// 128-bit vectors: what every aarch64 processor has. They run on any processor, for tests.
    Neon,
    /// 256-bit vectors with fused multiply-add (x86-64).
    Avx2,
    /// 512-bit vectors (x86-64; F, VL, DQ, BW).
    Avx512,
}

impl Level {
    /// The name used by the environment variable `MISSVAE_SIMD` and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Level::Plain => "plain",
            Level::Neon => "neon",
            Level::Avx2 => "avx2",
            Level::Avx512 => "avx512",
        }
    }
}

/// What [`wish`] finds where the environment variable asks for a level that there is not.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{VARIABLE}={wish}: expected one of {}", .levels.join(", "))]
pub struct NoSuchLevel {
    /// What was asked for.
    pub wish: String,
    /// What this processor has.
    pub levels: Vec<&'static str>,
}

/// The environment variable that asks for a lower level.
const VARIABLE: &str = "MISSVAE_SIMD";

/// The level that the environment variable `MISSVAE_SIMD` (`plain`, `neon`, `avx2`, `avx512`) asks for, if it is set.
///
/// # Errors
/// If there is no level of this name, or this processor does not have it.
pub fn wish() -> Result<Option<Level>, NoSuchLevel> {
    let Some(wish) = std::env::var_os(VARIABLE).filter(|wish| !wish.is_empty()) else { return Ok(None) };
    // Elsewhere 128-bit vectors are an imitation for tests.
    let real = |level: &Level| *level != Level::Neon || cfg!(target_arch = "aarch64");
    let levels = [Level::Plain, Level::Neon, Level::Avx2, Level::Avx512].into_iter();
    let levels = levels.filter(|level| *level <= detect() && real(level));
    match levels.clone().find(|level| wish == level.name()) {
        Some(level) => Ok(Some(level)),
        None => {
            Err(NoSuchLevel { wish: wish.to_string_lossy().into_owned(), levels: levels.map(Level::name).collect() })
        }
    }
}

/// The level that kernels run at: the lower one that [`wish`] finds, or else the widest that this processor has. It is fixed
/// at the first call.
pub fn level() -> Level {
    static LEVEL: OnceLock<Level> = OnceLock::new();
    *LEVEL.get_or_init(|| wish().ok().flatten().unwrap_or_else(detect))
}

fn detect() -> Level {
    #[cfg(target_arch = "x86_64")]
    {
        let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        let avx512 = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512bw");
        if avx2 && avx512 {
            return Level::Avx512;
        }
        if avx2 {
            return Level::Avx2;
        }
    }
    #[cfg(target_arch = "aarch64")]
    {
        return Level::Neon;
    }
    #[allow(unreachable_code)]
    Level::Plain
}

/// The widest level that this processor has, whatever `MISSVAE_SIMD` says.
#[inline]
pub fn level_available() -> Level {
    static BEST: OnceLock<Level> = OnceLock::new();
    *BEST.get_or_init(detect)
}
