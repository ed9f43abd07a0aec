//! The fixtures that the program carries.

/// Pairs of a file's name and its text.
macro_rules! embed {
    ($($name:literal)*) => {
        /// Name and text of every fixture of a kind that is checked, by name.
        pub const EMBEDDED: &[(&str, &str)] = &[$(
            ($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/", $name, ".json"))),
        )*];
    };
}

embed! {
    "amsgrad"
    "amsgrad_clip_cosine"
    "bernoulli_log_prob"
    "bound_elbo"
    "bound_iwelbo"
    "bound_selbo"
    "bound_siwelbo"
    "bound_siwelbo_loose"
    "demiss"
    "demiss_lair_r0"
    "demiss_lair_r1"
    "demiss_mwg"
    "gaussian_log_prob"
    "gaussian_log_prob_eps"
    "gaussian_log_prob_extreme"
    "implicit_k1_d3"
    "implicit_k25_d2"
    "implicit_k2_d1"
    "implicit_k5_d16"
    "implicit_k5_d2"
    "implicit_k5_d5"
    "implicit_separated_k5_d4"
    "implicit_tail30_k5_d1"
    "implicit_tail5_k5_d2"
    "mixture_log_prob_far"
    "mixture_log_prob_k1_d2"
    "mixture_log_prob_k25_d2"
    "mixture_log_prob_k5_d16"
    "mixture_log_prob_k5_d2"
    "mog_conditional"
    "numerical_marginal"
    "objective_miss-iwae_dreg"
    "objective_miss-iwae_plain"
    "objective_miss-iwae_responsibility"
    "objective_miss-iwae_stl"
    "objective_miss-siwae-loose_plain"
    "objective_miss-siwae-loose_stl"
    "objective_miss-siwae_dreg"
    "objective_miss-siwae_plain"
    "objective_miss-siwae_stl"
    "objective_miss-svae_plain"
    "objective_miss-svae_stl"
    "objective_miss-vae_leave_one_out"
    "objective_miss-vae_plain"
    "objective_miss-vae_responsibility"
    "objective_miss-vae_stl"
    "objective_miwae_dreg"
    "objective_miwae_plain"
    "objective_miwae_stl"
    "objective_mvae_plain"
    "objective_mvae_stl"
    "residual_mlp_mog"
    "residual_mlp_small"
    "responsibility_k5_d16"
    "responsibility_k5_d2"
    "responsibility_separated_k5_d4"
    "special_functions"
}
