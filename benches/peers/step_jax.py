#!/usr/bin/env python3
"""One training step of missvae's models, written in JAX: the second peer of `benches/`.

The same step as in step_torch.py, whole and jit-compiled, with its state donated:

    gather a minibatch of rows and masks -> encoder -> samples z -> decoder -> log weights -> bound
    -> gradient -> clip by global norm -> AMSGrad

Timing prints one JSON line a configuration:

    step_jax.py --threads 1 MVAE-5 MissSVAE-5

JAX has no option for its number of threads: it takes those that the process may run on, so that this program confines
itself to as many processors (Linux). `--check FILE...` times nothing: it compares the objective, the log weights and, for
`plain` and `stl`, every parameter's gradient with golden fixtures of kind `objective`, in float64 and float32; exit code 1 if
they do not agree. Axes and names are those of step_torch.py.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import sys
import time
from functools import partial
from pathlib import Path

HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)

# method: (importance, stratified, encoder's smallest scale in the MoG preset)
METHODS = {
    "mvae": (False, False, 0.0),
    "miwae": (True, False, 0.0),
    "miss-vae": (False, False, 1e-5),
    "miss-iwae": (True, False, 1e-5),
    "miss-svae": (False, True, 0.0),
    "miss-siwae": (True, True, 0.0),
}
# columns, latent, hidden, blocks, batch, clip, smallest scale (None: 0, but for the encoders above)
MOG = (5, 2, 200, 3, 64, 10.0, None)
UCI = (21, 16, 256, 2, 512, 5.0, 1e-5)
# name: preset, method, components, latents a row
CONFIGS = {
    f"{label}-{count}": (MOG, method, 1 if method in ("mvae", "miwae") else count, count)
    for count in (5, 25)
    for label, method in (
        ("MVAE", "mvae"),
        ("MIWAE", "miwae"),
        ("MissSVAE", "miss-svae"),
        ("MissSIWAE", "miss-siwae"),
        ("MissVAE", "miss-vae"),
        ("MissIWAE", "miss-iwae"),
    )
} | {"UCI-MissSVAE-5": (UCI, "miss-svae", 5, 5)}


def confine(threads: int) -> None:
    """Lets this process run on so many processors only. Before JAX is loaded."""
    allowed = sorted(os.sched_getaffinity(0))
    if threads > len(allowed):
        sys.exit(f"step_jax.py: --threads {threads}: there are {len(allowed)} processors")
    os.sched_setaffinity(0, allowed[:threads])


# ---------------------------------------------------------------- model


def network(p, x):
    """relu(input) -> residual blocks -> output; `p` maps the names of the model files to arrays, weights [out, in]."""
    linear = lambda name, h: h @ p[f"{name}.weight"].T + p[f"{name}.bias"]
    h = jax.nn.relu(linear("input", x))
    for i in range(sum(name.endswith("linear1.weight") for name in p)):
        h = jax.nn.relu(h + linear(f"blocks.{i}.linear2", jax.nn.relu(linear(f"blocks.{i}.linear1", h))))
    return linear("output", h)


def normal_log_density(value, mean, scale):
    standardised = (value - mean) / scale
    return -0.5 * standardised * standardised - jnp.log(scale) - HALF_LOG_2PI


def encode(p, x, mask, components, latent, min_scale):
    """(mean, scale): [B, K, L] each; log weights: [B, K]."""
    rows, half = x.shape[0], components * latent
    head = network(p, jnp.concatenate((x * mask, mask), axis=1))
    mean = head[:, :half].reshape(rows, components, latent)
    scale = jax.nn.softplus(head[:, half : 2 * half]).reshape(rows, components, latent) + min_scale
    return mean, scale, jax.nn.log_softmax(head[:, 2 * half :] if components > 1 else jnp.zeros((rows, 1), x.dtype))


def mixture_log_density(z, q, stratified):
    """log q(z). z: [Z, I, B, L] -> [Z, I, B], or [Z, I, B, K, L] -> [Z, I, B, K]."""
    mean, scale, log_weight = [part[:, None] for part in q] if stratified else q
    by_component = normal_log_density(z[..., None, :], mean, scale).sum(-1)
    return jax.scipy.special.logsumexp(by_component + log_weight, axis=-1)


def attach_implicit_path(z, q):
    """The same values, with the gradient of implicit reparametrisation: a Newton step on each conditional CDF in turn."""
    mean, scale, log_responsibility = q
    attached = []
    for d in range(z.shape[-1]):
        weight = jax.nn.softmax(log_responsibility, axis=-1)
        t = (z[..., d, None] - mean[..., d]) / scale[..., d]
        cdf = (weight * (0.5 * jax.scipy.special.erfc(-math.sqrt(0.5) * t))).sum(-1)
        density = (weight * jnp.exp(-0.5 * t * t - HALF_LOG_2PI) / scale[..., d]).sum(-1)
        density = jnp.maximum(jax.lax.stop_gradient(density), jnp.finfo(z.dtype).tiny)
        path = z[..., d] - (cdf - jax.lax.stop_gradient(cdf)) / density
        attached.append(path)
        log_responsibility = log_responsibility + normal_log_density(path[..., None], mean[..., d], scale[..., d])
    return jnp.stack(attached, axis=-1)


def draw_latents(q, method, counts, key, given):
    _, stratified, _ = METHODS[method]
    mean, scale, log_weight = q
    rows, components, latent = mean.shape
    normal = lambda *shape: jax.random.normal(key, (*counts, rows, *shape), mean.dtype)
    if stratified:
        return mean + scale * (given["noise"] if "noise" in given else normal(components, latent))
    if components == 1:
        return mean[:, 0] + scale[:, 0] * (given["noise"] if "noise" in given else normal(latent))
    if "z" in given:
        return attach_implicit_path(given["z"], q)
    mean, scale, log_weight = jax.lax.stop_gradient(q)
    component = jax.random.categorical(jax.random.fold_in(key, 1), log_weight, shape=(*counts, rows))
    row = jnp.arange(rows)
    return attach_implicit_path(mean[row, component] + scale[row, component] * normal(latent), q)


def objective(p, method, sizes, counts, x, mask, key=None, given={}, stl=True):
    """The bound to maximise and the log weights. sizes: components, latent, smallest scales of encoder and decoder."""
    importance, stratified, _ = METHODS[method]
    components, latent, encoder_min_scale, decoder_min_scale = sizes
    q = encode(p["enc"], x, mask, components, latent, encoder_min_scale)
    z = draw_latents(q, method, counts, key, given)
    mean, raw = jnp.split(network(p["dec"], z.reshape(-1, latent)), 2, axis=1)
    shape = (*z.shape[:-1], x.shape[1])
    rows, cells = (x[:, None], mask[:, None]) if stratified else (x, mask)
    log_density = normal_log_density(rows, mean.reshape(shape), jax.nn.softplus(raw).reshape(shape) + decoder_min_scale)
    log_prior = (-0.5 * z * z - HALF_LOG_2PI).sum(-1)
    log_posterior = mixture_log_density(z, jax.lax.stop_gradient(q) if stl else q, stratified)
    log_weights = (log_density * cells).sum(-1) + log_prior - log_posterior
    lse, log_importance = jax.scipy.special.logsumexp, math.log(counts[1])
    if stratified and importance:
        per_row = lse(q[2] + log_weights, axis=(1, 3)) - log_importance
    elif stratified:
        per_row = (jnp.exp(q[2]) * log_weights).sum(-1).mean(1)
    elif importance:
        per_row = lse(log_weights, axis=1) - log_importance
    else:
        per_row = log_weights.mean(1)
    per_row = per_row.mean(0)
    return per_row.mean(), (per_row, log_weights)


# ---------------------------------------------------------------- timing


def initial(key, inputs, hidden, outputs, blocks):
    """Weights and biases uniform on ±1/sqrt(fan_in)."""
    layers = [("input", inputs, hidden), ("output", hidden, outputs)]
    layers += [(f"blocks.{i}.linear{j}", hidden, hidden) for i in range(blocks) for j in (1, 2)]
    p = {}
    for n, (name, fan_in, fan_out) in enumerate(layers):
        bound, (k1, k2) = 1.0 / math.sqrt(fan_in), jax.random.split(jax.random.fold_in(key, n))
        p[f"{name}.weight"] = jax.random.uniform(k1, (fan_out, fan_in), minval=-bound, maxval=bound)
        p[f"{name}.bias"] = jax.random.uniform(k2, (fan_out,), minval=-bound, maxval=bound)
    return p


def build_step(name, seed):
    """The compiled step, from (state, table, masks) to (state, objective), and its first arguments."""
    (columns, latent, hidden, blocks, batch, clip, limit), method, components, budget = CONFIGS[name]
    importance, stratified, mog_scale = METHODS[method]
    sizes = (components, latent, mog_scale if limit is None else limit, 0.0 if limit is None else limit)
    count = budget // components if stratified else budget
    counts = (1, count) if importance else (count, 1)
    keys = jax.random.split(jax.random.PRNGKey(seed), 6)
    heads = 2 * components * latent + (components if components > 1 else 0)
    p = {
        "enc": initial(keys[0], 2 * columns, hidden, heads, blocks),
        "dec": initial(keys[1], latent, hidden, 2 * columns, blocks),
    }
    batches = 20
    rows = batches * batch
    mask = jax.random.bernoulli(keys[2], 0.5, (rows, columns))
    mask = (mask | (~mask.any(1, keepdims=True) & (jnp.arange(columns) == 0))).astype(jnp.float32)
    table = jax.random.normal(keys[3], (rows, columns)) * mask
    order = jax.random.permutation(keys[4], rows).reshape(batches, batch)
    optimiser = optax.chain(optax.clip_by_global_norm(clip), optax.amsgrad(1e-3))

    @partial(jax.jit, donate_argnums=0)
    def step(state, table, mask, order):
        p, moments, key, update = state
        key, noise = jax.random.split(key)
        chosen = order[update % batches]
        loss = lambda p: -objective(p, method, sizes, counts, table[chosen], mask[chosen], noise)[0]
        value, gradient = jax.value_and_grad(loss)(p)
        change, moments = optimiser.update(gradient, moments, p)
        return (optax.apply_updates(p, change), moments, key, update + 1), -value

    return step, (p, optimiser.init(p), keys[5], jnp.int32(0)), (table, mask, order)


def measure(name, seconds, seed):
    clock = time.perf_counter
    step, state, data = build_step(name, seed)
    start = clock()
    state, value = jax.block_until_ready(step(state, *data))
    first = clock() - start
    for _ in range(20):
        state, value = jax.block_until_ready(step(state, *data))
    durations, objectives = [], []
    end = clock() + seconds
    while len(durations) < 40 or clock() < end:
        start = clock()
        state, value = jax.block_until_ready(step(state, *data))
        durations.append(clock() - start)
        objectives.append(float(value))
    durations.sort()
    return {
        "median_ms": round(1e3 * statistics.median(durations), 4),
        "p5_ms": round(1e3 * durations[len(durations) // 20], 4),
        "steps": len(durations),
        "first_step_s": round(first, 2),
        "objective": round(statistics.mean(objectives[-20:]), 4),
    }


# ---------------------------------------------------------------- check against golden fixtures


def check_fixture(path):
    """Compares the objective with one fixture; prints a line, returns whether they agree."""
    fixture = json.loads(path.read_text())
    params = fixture["params"]
    if fixture["kind"] != "objective" or params["method"] not in METHODS:
        print(f"not here {path.name}")
        return True
    method = params["method"]
    gradients = params["estimator"] in ("plain", "stl") and (
        params["components"] == 1 or METHODS[method][1] or params["pathwise"] == "implicit"
    )
    worst = {}
    for precision, dtype in (("f64", np.float64), ("f32", np.float32)):
        tensor = lambda entry: np.asarray(entry["data"], dtype).reshape(entry["shape"])
        inputs = {key: jnp.asarray(tensor(entry)) for key, entry in fixture["inputs"].items()}
        p = {net: {k[4:]: v for k, v in inputs.items() if k.startswith(f"{net}:")} for net in ("enc", "dec")}
        sizes = tuple(params[k] for k in ("components", "latent", "encoder_min_scale", "decoder_min_scale"))
        given = {key: inputs[key] for key in ("noise", "z") if key in inputs}
        value = lambda p: objective(
            p, method, sizes, (params["Z"], params["I"]), inputs["x"], inputs["mask"],
            given=given, stl=params["estimator"] != "plain",
        )
        (found_value, (per_row, log_weights)), gradient = jax.jit(jax.value_and_grad(value, has_aux=True))(p)
        found = {"value": found_value, "per_row": per_row, "log_weights": log_weights}
        if gradients:
            found |= {f"d{net}:{k}": v for net, part in gradient.items() for k, v in part.items()}
        for key, array in found.items():
            expected = np.asarray(fixture["outputs"][key]["data"], np.float64).reshape(fixture["outputs"][key]["shape"])
            allowed = fixture["tolerance"][precision] * (np.abs(expected).max() + 1e-3)
            share = float(np.abs(np.asarray(array, np.float64) - expected).max() / allowed)
            worst[precision] = max(worst.get(precision, 0.0), share)
    agrees = all(share <= 1.0 for share in worst.values())
    shares = ", ".join(f"{precision} {share:.1e}" for precision, share in worst.items())
    print(f"{'ok      ' if agrees else 'FAIL    '} {path.name}: {'gradients too' if gradients else 'value'}; error/tolerance {shares}")
    return agrees


def main():
    parser = argparse.ArgumentParser(description="Times one training step in JAX, or checks it against golden fixtures.")
    parser.add_argument("configs", nargs="*", metavar="CONFIG", help=f"default: all of {', '.join(CONFIGS)}")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3.0, help="time budget of a configuration (default 3)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--check", nargs="+", type=Path, metavar="FILE", help="golden fixtures of kind 'objective'")
    args = parser.parse_args()
    unknown = [name for name in args.configs if name not in CONFIGS]
    if unknown:
        parser.error(f"unknown configuration {', '.join(unknown)}; there are {', '.join(CONFIGS)}")

    confine(args.threads)
    os.environ["JAX_PLATFORMS"] = "cpu"
    global jax, jnp, np, optax
    import jax
    import jax.numpy as jnp
    import numpy as np
    import optax

    if args.check:
        jax.config.update("jax_enable_x64", True)
        # Every file is checked and reported, also after a failure.
        return 0 if all([check_fixture(path) for path in args.check]) else 1
    for name in args.configs or CONFIGS:
        head = {"engine": "jax", "version": jax.__version__, "mode": "jit", "threads": args.threads, "config": name}
        print(json.dumps(head | measure(name, args.seconds, args.seed)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
