#!/usr/bin/env python3
"""One training step of missvae's models, written in PyTorch: the peer of `benches/`.

A step is what one update of training costs, and nothing else:

    gather a minibatch of rows and masks -> encoder -> samples z -> decoder -> log weights -> bound
    -> backward -> clip by global norm -> AMSGrad

Timing prints one JSON line a configuration:

    step_torch.py --mode eager --threads 1 MVAE-5 MissSVAE-5

`--check FILE...` times nothing. It loads golden fixtures of kind `objective` and verifies that the
functions timed here give the fixture's objective, log weights and gradients on its weights and its
noise, in float64 and float32; exit code 1 if they do not.

Axes, as in the fixtures: Z Monte Carlo samples, I importance samples, B rows, K mixture components,
L latent dimensions, D data columns. Log weights are [Z, I, B], or [Z, I, B, K] when stratified.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)
MODES = ("eager", "fused", "compiled")


# ---------------------------------------------------------------- methods and configurations


@dataclass(frozen=True)
class Method:
    """Which bound, and how z is drawn."""

    importance: bool  # log of a mean over I samples, instead of a mean of logs over Z
    stratified: bool  # samples from every component, instead of ancestral samples of the mixture
    # The ancestral mixtures of the MoG preset keep their scales away from zero; the others do not.
    mog_encoder_min_scale: float = 0.0


METHODS = {
    "mvae": Method(importance=False, stratified=False),
    "miwae": Method(importance=True, stratified=False),
    "miss-vae": Method(importance=False, stratified=False, mog_encoder_min_scale=1e-5),
    "miss-iwae": Method(importance=True, stratified=False, mog_encoder_min_scale=1e-5),
    "miss-svae": Method(importance=False, stratified=True),
    "miss-siwae": Method(importance=True, stratified=True),
}


@dataclass(frozen=True)
class Preset:
    """The sizes of one experiment."""

    columns: int  # D
    latent: int  # L
    hidden: int
    blocks: int
    batch: int  # B
    clip: float
    min_scale: float | None  # None: the MoG rule (decoder 0, encoder by method)


MOG = Preset(columns=5, latent=2, hidden=200, blocks=3, batch=64, clip=10.0, min_scale=None)
UCI = Preset(columns=21, latent=16, hidden=256, blocks=2, batch=512, clip=5.0, min_scale=1e-5)


@dataclass(frozen=True)
class Config:
    """A row of the comparison. The decoder sees B·budget latents in every one of them."""

    preset: Preset
    method: str
    components: int  # K
    budget: int  # latents a row: K when stratified (one from each component), else Z or I

    @property
    def sample_axes(self) -> tuple[int, int]:
        """(Z, I)."""
        method = METHODS[self.method]
        count = self.budget // self.components if method.stratified else self.budget
        return (1, count) if method.importance else (count, 1)


def _configurations() -> dict[str, Config]:
    table = {}
    for count in (5, 25):
        table[f"MVAE-{count}"] = Config(MOG, "mvae", 1, count)
        table[f"MIWAE-{count}"] = Config(MOG, "miwae", 1, count)
        for label, method in (
            ("MissSVAE", "miss-svae"),
            ("MissSIWAE", "miss-siwae"),
            ("MissVAE", "miss-vae"),
            ("MissIWAE", "miss-iwae"),
        ):
            table[f"{label}-{count}"] = Config(MOG, method, count, count)
    table["UCI-MissSVAE-5"] = Config(UCI, "miss-svae", 5, 5)
    return table


CONFIGS = _configurations()


# ---------------------------------------------------------------- networks


class ResidualBlock(nn.Module):
    """h -> relu(h + linear2(relu(linear1(h))))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear1 = nn.Linear(width, width)
        self.linear2 = nn.Linear(width, width)

    def forward(self, h: Tensor) -> Tensor:
        return F.relu(h + self.linear2(F.relu(self.linear1(h))))


class ResidualMlp(nn.Module):
    """relu(input) -> residual blocks -> output; parameter names are those of the model files."""

    def __init__(self, inputs: int, width: int, outputs: int, blocks: int) -> None:
        super().__init__()
        self.input = nn.Linear(inputs, width)
        self.blocks = nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))
        self.output = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(self.blocks(F.relu(self.input(x))))


def normal_log_density(value: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    """Element-wise log N(value; mean, scale)."""
    standardised = (value - mean) / scale
    return -0.5 * standardised * standardised - scale.log() - HALF_LOG_2PI


@dataclass
class Mixture:
    """q(z|x_obs): K diagonal Gaussians a row. mean, scale: [B, K, L]; log_weight: [B, K]."""

    mean: Tensor
    scale: Tensor
    log_weight: Tensor

    def detach(self) -> Mixture:
        return Mixture(self.mean.detach(), self.scale.detach(), self.log_weight.detach())

    def log_density(self, z: Tensor) -> Tensor:
        """log q(z) of the whole mixture. z: [.., B, L] -> [.., B], or [.., B, K, L] -> [.., B, K]."""
        mean, scale, log_weight = self.mean, self.scale, self.log_weight
        if z.dim() == 5:  # stratified: z's own component axis stands before the density's
            mean, scale, log_weight = mean.unsqueeze(1), scale.unsqueeze(1), log_weight.unsqueeze(1)
        by_component = normal_log_density(z.unsqueeze(-2), mean, scale).sum(-1)
        if mean.shape[-2] == 1:
            return by_component.squeeze(-1)
        return torch.logsumexp(by_component + log_weight, dim=-1)

    def draw_ancestral(self, z_count: int, i_count: int) -> Tensor:
        """[Z, I, B, L] samples without gradient: a component by inverting its CDF, then its Gaussian."""
        rows, components, latent = self.mean.shape
        with torch.no_grad():
            cdf = self.log_weight.exp().cumsum(-1)
            uniform = torch.rand(z_count, i_count, rows, 1, dtype=cdf.dtype)
            component = (uniform > cdf).sum(-1).clamp_max(components - 1)  # [Z, I, B]
            row = torch.arange(rows)
            noise = torch.randn(z_count, i_count, rows, latent, dtype=cdf.dtype)
            return self.mean[row, component] + self.scale[row, component] * noise

    def attach_implicit_path(self, z: Tensor) -> Tensor:
        """The same values as z: [.., B, L], with the gradient of implicit reparametrisation.

        F_d(z_d | z_<d) does not change along the path, so one Newton step from the sample,
        z_d - (F_d - F_d held fixed) / p(z_d | z_<d), has value z_d and the right derivative. F_d is
        evaluated at the already attached z_<d, which makes autograd do the triangular solve.
        """
        log_responsibility = self.log_weight  # of the components, given the dimensions so far
        attached = []
        for d in range(z.shape[-1]):
            mean, scale, z_d = self.mean[..., d], self.scale[..., d], z[..., d]
            weight = torch.softmax(log_responsibility, dim=-1)
            t = (z_d.unsqueeze(-1) - mean) / scale
            cdf = (weight * (0.5 * torch.erfc(-math.sqrt(0.5) * t))).sum(-1)
            with torch.no_grad():
                density = (weight * torch.exp(-0.5 * t * t - HALF_LOG_2PI) / scale).sum(-1)
                density = density.clamp_min(torch.finfo(z.dtype).tiny)
            path = z_d - (cdf - cdf.detach()) / density
            attached.append(path)
            if d + 1 < z.shape[-1]:
                log_responsibility = log_responsibility + normal_log_density(
                    path.unsqueeze(-1), mean, scale
                )
        return torch.stack(attached, dim=-1)


class Model(nn.Module):
    """Encoder of incomplete rows and decoder, both residual MLPs with Gaussian heads."""

    def __init__(
        self,
        columns: int,
        latent: int,
        hidden: int,
        blocks: int,
        components: int,
        encoder_min_scale: float,
        decoder_min_scale: float,
    ) -> None:
        super().__init__()
        self.latent, self.components = latent, components
        self.encoder_min_scale, self.decoder_min_scale = encoder_min_scale, decoder_min_scale
        logits = components if components > 1 else 0
        self.encoder = ResidualMlp(2 * columns, hidden, 2 * components * latent + logits, blocks)
        self.decoder = ResidualMlp(latent, hidden, 2 * columns, blocks)

    def encode(self, x: Tensor, mask: Tensor) -> Mixture:
        """The posterior mixture of each row; the network reads [x·mask, mask]."""
        rows, half = x.shape[0], self.components * self.latent
        head = self.encoder(torch.cat((x * mask, mask), dim=1))
        shape = (rows, self.components, self.latent)
        mean = head[:, :half].reshape(shape)
        scale = F.softplus(head[:, half : 2 * half]).reshape(shape) + self.encoder_min_scale
        if self.components == 1:
            return Mixture(mean, scale, torch.zeros_like(head[:, :1]))
        return Mixture(mean, scale, F.log_softmax(head[:, 2 * half :], dim=1))

    def log_likelihood(self, z: Tensor, x: Tensor, mask: Tensor) -> Tensor:
        """log p(x_obs|z). z: [.., B, L] or [.., B, K, L]; returns z's leading axes."""
        mean, raw = self.decoder(z.reshape(-1, self.latent)).chunk(2, dim=1)
        shape = (*z.shape[:-1], x.shape[1])
        if z.dim() == 5:
            x, mask = x.unsqueeze(1), mask.unsqueeze(1)
        scale = F.softplus(raw) + self.decoder_min_scale
        log_density = normal_log_density(x, mean.reshape(shape), scale.reshape(shape))
        return (log_density * mask).sum(-1)


# ---------------------------------------------------------------- objective


def draw_latents(
    q: Mixture, method: Method, counts: tuple[int, int], given: dict[str, Tensor]
) -> Tensor:
    """z with its pathwise gradient, from fresh noise or from a fixture's 'noise' or 'z'."""
    rows, components, latent = q.mean.shape
    if method.stratified:
        noise = given.get("noise")
        if noise is None:
            noise = torch.randn(*counts, rows, components, latent, dtype=q.mean.dtype)
        return q.mean + q.scale * noise
    if components == 1:
        noise = given.get("noise")
        if noise is None:
            noise = torch.randn(*counts, rows, latent, dtype=q.mean.dtype)
        return q.mean[:, 0] + q.scale[:, 0] * noise
    z = given.get("z")
    return q.attach_implicit_path(q.draw_ancestral(*counts) if z is None else z)


def objective(
    model: Model,
    method: Method,
    counts: tuple[int, int],
    x: Tensor,
    mask: Tensor,
    stl: bool = True,
    **given: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """The bound to maximise: (mean over rows, [B] by row, log weights).

    `stl` (sticking the landing) detaches the posterior's parameters inside log q(z|x_obs); the
    mixture weights outside that density keep their gradient.
    """
    q = model.encode(x, mask)
    z = draw_latents(q, method, counts, given)
    log_prior = (-0.5 * z * z - HALF_LOG_2PI).sum(-1)
    log_posterior = (q.detach() if stl else q).log_density(z)
    log_weights = model.log_likelihood(z, x, mask) + log_prior - log_posterior

    log_importance = math.log(counts[1])
    if method.stratified and method.importance:
        per_row = torch.logsumexp(q.log_weight + log_weights, dim=(1, 3)) - log_importance  # [Z, B]
    elif method.stratified:
        per_row = (q.log_weight.exp() * log_weights).sum(-1).mean(1)
    elif method.importance:
        per_row = torch.logsumexp(log_weights, dim=1) - log_importance
    else:
        per_row = log_weights.mean(1)
    per_row = per_row.mean(0)
    return per_row.mean(), per_row, log_weights


# ---------------------------------------------------------------- timing


def incomplete_table(rows: int, columns: int) -> tuple[Tensor, Tensor]:
    """Standard normal rows with half of the cells missing, never a whole row."""
    x = torch.randn(rows, columns)
    mask = (torch.rand(rows, columns) < 0.5).float()
    empty = mask.sum(1) == 0
    mask[empty, torch.randint(columns, (int(empty.sum()),))] = 1.0
    return x * mask, mask


def build_step(config: Config, mode: str, seed: int) -> Callable[[], Tensor]:
    """A closure that makes one whole update and returns the minibatch's objective."""
    torch.compiler.reset()  # a configuration must not run into the limit on recompilations
    torch.manual_seed(seed)
    preset, method = config.preset, METHODS[config.method]
    mog = preset.min_scale is None
    model = Model(
        preset.columns,
        preset.latent,
        preset.hidden,
        preset.blocks,
        config.components,
        encoder_min_scale=method.mog_encoder_min_scale if mog else preset.min_scale,
        decoder_min_scale=0.0 if mog else preset.min_scale,
    )
    parameters = list(model.parameters())
    optimiser = torch.optim.Adam(
        parameters, lr=1e-3, amsgrad=True, fused=True if mode != "eager" else None
    )
    counts = config.sample_axes

    def loss(x: Tensor, mask: Tensor) -> Tensor:
        return -objective(model, method, counts, x, mask)[0]

    compute_loss = torch.compile(loss, dynamic=False) if mode == "compiled" else loss

    batches = 20
    table, table_mask = incomplete_table(batches * preset.batch, preset.columns)
    order = torch.randperm(table.shape[0]).split(preset.batch)
    update = 0

    def step() -> Tensor:
        nonlocal update
        rows = order[update % batches]
        update += 1
        optimiser.zero_grad(set_to_none=True)
        value = compute_loss(table[rows], table_mask[rows])
        value.backward()
        nn.utils.clip_grad_norm_(parameters, preset.clip)
        optimiser.step()
        return -value.detach()

    return step


def measure(step: Callable[[], Tensor], seconds: float) -> dict[str, float | int]:
    """Times each step for about `seconds`, after a first step (compilation) and a warm-up."""
    clock = time.perf_counter
    start = clock()
    step()
    first = clock() - start
    for _ in range(20):
        step()

    durations, objectives = [], []
    end = clock() + seconds
    while len(durations) < 40 or clock() < end:
        start = clock()
        value = step()
        durations.append(clock() - start)
        objectives.append(value)
    durations.sort()
    return {
        "median_ms": round(1e3 * statistics.median(durations), 4),
        "p5_ms": round(1e3 * durations[len(durations) // 20], 4),
        "steps": len(durations),
        "first_step_s": round(first, 2),
        "objective": round(torch.stack(objectives[-20:]).mean().item(), 4),
    }


# ---------------------------------------------------------------- check against golden fixtures


def fixture_tensor(entry: dict, dtype: torch.dtype) -> Tensor:
    return torch.tensor(entry["data"], dtype=dtype).reshape(entry["shape"])


def check_fixture(path: Path, mode: str) -> bool:
    """Compares this file's objective with one fixture; prints a line, returns whether it agrees."""
    fixture = json.loads(path.read_text())
    if fixture["kind"] != "objective":
        print(f"FAIL     {path.name}: kind is '{fixture['kind']}', expected 'objective'")
        return False
    params = fixture["params"]
    if params["method"] not in METHODS:
        print(f"not here {path.name}: {params['method']} is not one of {', '.join(METHODS)}")
        return True
    method = METHODS[params["method"]]
    # The other estimators share the value, but this file has no gradient for them.
    gradients = params["estimator"] in ("plain", "stl") and (
        params["components"] == 1 or method.stratified or params["pathwise"] == "implicit"
    )

    worst: dict[str, float] = {}  # error as a share of what is allowed, by precision
    wrong: list[str] = []
    for name, dtype in (("f64", torch.float64), ("f32", torch.float32)):
        inputs = {key: fixture_tensor(entry, dtype) for key, entry in fixture["inputs"].items()}
        model = Model(
            params["data"],
            params["latent"],
            params["hidden"],
            params["blocks"],
            params["components"],
            params["encoder_min_scale"],
            params["decoder_min_scale"],
        ).to(dtype)
        nets = {"enc:": model.encoder, "dec:": model.decoder}
        for prefix, net in nets.items():
            net.load_state_dict(
                {k.removeprefix(prefix): v for k, v in inputs.items() if k.startswith(prefix)}
            )
        torch.compiler.reset()
        evaluate = torch.compile(objective, dynamic=False) if mode == "compiled" else objective
        value, per_row, log_weights = evaluate(
            model,
            method,
            (params["Z"], params["I"]),
            inputs["x"],
            inputs["mask"],
            stl=params["estimator"] != "plain",
            **{key: inputs[key] for key in ("noise", "z") if key in inputs},
        )
        found = {"value": value, "per_row": per_row, "log_weights": log_weights}
        if gradients:
            value.backward()
            for prefix, net in nets.items():
                for key, parameter in net.named_parameters():
                    found[f"d{prefix}{key}"] = parameter.grad
        for key, tensor in found.items():
            expected = fixture_tensor(fixture["outputs"][key], torch.float64)
            if tensor.shape != expected.shape:
                wrong.append(f"{name} {key}: shape {list(tensor.shape)}, not {list(expected.shape)}")
                continue
            allowed = fixture["tolerance"][name] * (expected.abs().max() + 1e-3)
            share = ((tensor.detach().double() - expected).abs().max() / allowed).item()
            worst[name] = max(worst.get(name, 0.0), share)
            if not share <= 1.0:
                wrong.append(f"{name} {key}: error is {share:.3g} times the tolerance")
        got = value.item()
        if name == "f64":
            shown = f"value {got:.9f}, expected {fixture['outputs']['value']['data'][0]:.9f}"

    what = "value, log weights, gradients" if gradients else "value, log weights"
    shares = ", ".join(f"{name} {share:.1e}" for name, share in worst.items())
    print(f"{'FAIL    ' if wrong else 'ok      '} {path.name}: {shown} ({what}; error/tolerance {shares})")
    for line in wrong:
        print(f"           {line}")
    return not wrong


# ---------------------------------------------------------------- command line


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Times one training step in PyTorch, or checks it against golden fixtures."
    )
    parser.add_argument("configs", nargs="*", metavar="CONFIG", help=f"default: all of {', '.join(CONFIGS)}")
    parser.add_argument("--mode", choices=MODES, default="eager",
                        help="eager; fused: with the fused Adam; compiled: fused, and the loss through torch.compile")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3.0, help="time budget of a configuration (default 3)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tag", default="", help="appended to the printed mode, to tell environments apart")
    parser.add_argument("--check", nargs="+", type=Path, metavar="FILE", help="golden fixtures of kind 'objective'")
    args = parser.parse_args()
    unknown = [name for name in args.configs if name not in CONFIGS]
    if unknown:
        parser.error(f"unknown configuration {', '.join(unknown)}; there are {', '.join(CONFIGS)}")

    torch.set_num_threads(args.threads)
    if args.mode == "compiled":
        import torch._inductor.config as inductor

        inductor.compile_threads = 1  # no pool of compiler processes beside the timed one

    if args.check:
        # Every file is checked and reported, also after a failure.
        return 0 if all([check_fixture(path, args.mode) for path in args.check]) else 1

    for name in args.configs or CONFIGS:
        result = measure(build_step(CONFIGS[name], args.mode, args.seed), args.seconds)
        head = {
            "engine": "torch",
            "version": torch.__version__,
            "mode": args.mode + (f"+{args.tag}" if args.tag else ""),
            "threads": args.threads,
            "config": name,
        }
        print(json.dumps(head | result), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
