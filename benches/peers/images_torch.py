#!/usr/bin/env python3
"""One training step of missvae's image models, written in PyTorch, beside `missvae train` on the same sizes.

    images_torch.py --missvae ../../target/release/missvae --threads 1 --batch 100 --rounds 3

A step is MissSVAE's at the `mnist` preset, K = 5: gather a minibatch of binary 28 x 28 images and their masks (two of four
quadrants hidden), encoder, one sample of each component, decoder, stratified ELBO (sticking the landing), backward, clip,
AMSGrad. Both sides run alternately, each round in a process of its own; the time of a step is that of a run divided by
its updates, without the first ones (missvae: a longer run less a shorter one). Prints a JSON line a round, and the medians.
`--check FILE...` times nothing and compares the networks with golden fixtures of the kinds `conv_resnet_*`, in float64.
`--bounds RUN... --images train-images-idx3-ubyte.gz` loads what `missvae` has fitted (methods mvae, miwae and miss-svae of the
preset) and prints the bounds of 200 validation images, half of the quadrants hidden, in evaluation and in training mode.
`--fit METHOD... --images train-images-idx3-ubyte.gz` fits networks a quarter as wide, without dropout, to the first 10,000 images:
`--updates` of `--batch` images, learning rate 1e-3 along a cosine; prints the mean bound, and that of the next 1,000 images.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import random
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PIXELS, LATENT, COMPONENTS = 28, 50, 5
ENCODER, DECODER = [32, 64, 128, 256], [128, 64, 32, 32]
DROPOUT = 0.3
FITTED = 10_000
OPTIONS = (
    "--image-size 28 --latent 50 --dropout 0.3 --learning-rate 1e-4 --clip 5 --hide-quadrants 2 "
    "--method miss-svae --components 5 --json --quiet"
).split()


def conv(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, size, stride=stride, padding=size // 2, bias=False)


class Block(nn.Module):
    """A basic block; `scale` 2 doubles the image before the second convolution, `stride` 2 halves it in the first."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, scale: int = 1, decoder: bool = False) -> None:
        super().__init__()
        middle = inputs if decoder else outputs
        grow = [nn.Upsample(scale_factor=scale)] if scale > 1 else []
        nested = lambda layer: nn.Sequential(*grow, layer) if grow else layer
        self.conv1, self.bn1 = conv(inputs, middle, 3, stride), nn.BatchNorm2d(middle)
        self.conv2, self.bn2 = nested(conv(middle, outputs, 3)), nn.BatchNorm2d(outputs)
        self.dropout = nn.Dropout2d(DROPOUT)
        shortcut = None
        if inputs != outputs or stride != 1 or scale != 1:
            shortcut = nn.Sequential(nested(conv(inputs, outputs, 1, stride)), nn.BatchNorm2d(outputs))
        self.name = "upsample" if decoder else "downsample"
        setattr(self, self.name, shortcut)

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.bn1(self.conv1(x)), inplace=True)
        h = self.dropout(self.bn2(self.conv2(h)))
        shortcut = getattr(self, self.name)
        return F.relu(h + (x if shortcut is None else shortcut(x)), inplace=True)


class Encoder(nn.Module):
    def __init__(self, widths: list[int], outputs: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv(2, widths[0], 3), nn.BatchNorm2d(widths[0])
        inputs, self.layers = widths[0], nn.ModuleList()
        for stage, width in enumerate(widths):
            first = Block(inputs, width, stride=2 if stage else 1)
            self.layers.append(nn.Sequential(first, Block(width, width)))
            inputs = width
        self.final = nn.Linear(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.bn1(self.conv1(x)), inplace=True)
        for stage in self.layers:
            h = stage(h)
        return self.final(h.mean((2, 3)))


class Decoder(nn.Module):
    def __init__(self, widths: list[int], latent: int, seed: int, first: int, resize: list[int | None]) -> None:
        super().__init__()
        self.seed, self.first, self.resize = seed, first, resize
        inputs = 2 * widths[0]
        self.linear, self.layers = nn.Linear(latent, inputs * seed * seed), nn.ModuleList()
        for stage, width in enumerate(widths):
            scale = 2 if stage + 1 < len(widths) else 1
            first_block = Block(inputs, width, scale=scale, decoder=True)
            self.layers.append(nn.Sequential(first_block, Block(width, width, decoder=True)))
            inputs = width
        self.conv1 = conv(inputs, 1, 3)

    def forward(self, z: Tensor) -> Tensor:
        h = self.linear(z).unflatten(1, (-1, self.seed, self.seed))
        if self.first != self.seed:
            h = F.interpolate(h, size=self.first)
        for stage, size in zip(self.layers, self.resize):
            h = stage(h)
            if size is not None and size != h.shape[-1]:
                h = F.interpolate(h, size=size)
        return self.conv1(h).flatten(1)


def stratified_elbo(encoder: Encoder, decoder: Decoder, x: Tensor, mask: Tensor) -> Tensor:
    """Eq. 5 with one sample of each component, sticking the landing. *x* in -1, 0, +1, *mask*: B x D."""
    rows = x.shape[0]
    head = encoder(torch.stack([x, mask], 1).unflatten(2, (PIXELS, PIXELS)))
    means, raw, logits = head.split([COMPONENTS * LATENT, COMPONENTS * LATENT, COMPONENTS], 1)
    means = means.view(rows, COMPONENTS, LATENT)
    scales = F.softplus(raw.view(rows, COMPONENTS, LATENT)) + 1e-5
    log_pi = F.log_softmax(logits, 1)
    z = means + scales * torch.randn_like(scales)
    decoded = decoder(z.flatten(0, 1)).view(rows, COMPONENTS, -1)
    white = (x > 0).to(x.dtype).unsqueeze(1).expand_as(decoded)
    log_p = -(F.binary_cross_entropy_with_logits(decoded, white, reduction="none") * mask.unsqueeze(1)).sum(2)
    log_prior = (-0.5 * z.square() - 0.5 * math.log(2 * math.pi)).sum(2)
    m, s, w = means.detach(), scales.detach(), log_pi.detach()
    t = (z.unsqueeze(2) - m.unsqueeze(1)) / s.unsqueeze(1)
    log_components = (-0.5 * t.square() - s.log().unsqueeze(1) - 0.5 * math.log(2 * math.pi)).sum(3)
    log_q = torch.logsumexp(log_components + w.unsqueeze(1), 2)
    return (log_pi.exp() * (log_p + log_prior - log_q)).sum(1).mean()


def images(rows: int) -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    x = torch.where(torch.rand(rows, PIXELS * PIXELS) < 0.2, 1.0, -1.0)
    hidden = torch.rand(rows, 4).argsort(1)[:, :2]
    quadrants = torch.ones(rows, 4).scatter_(1, hidden, 0.0).view(rows, 2, 2)
    mask = quadrants.repeat_interleave(PIXELS // 2, 1).repeat_interleave(PIXELS // 2, 2).flatten(1)
    return x * mask, mask


def networks(method: str, narrow: int = 1) -> tuple[Encoder, Decoder]:
    outputs = 2 * COMPONENTS * LATENT + COMPONENTS if method == "miss-svae" else 2 * LATENT
    encoder, decoder = ([width // narrow for width in widths] for widths in (ENCODER, DECODER))
    return Encoder(encoder, outputs), Decoder(decoder, LATENT, 4, 4, [7, 14, 28, None])


def load(net: nn.Module, state: dict[str, Tensor], path: Path) -> None:
    """Sets all parameters and running statistics."""
    missing, unexpected = net.load_state_dict(state, strict=False)
    if unexpected or any("num_batches_tracked" not in name for name in missing):
        raise ValueError(f"{path}: tensors {missing} {unexpected}")


def time_torch(threads: int, batch: int, updates: int, channels_last: bool) -> float:
    torch.set_num_threads(threads)
    encoder, decoder = networks("miss-svae")
    if channels_last:
        encoder, decoder = (net.to(memory_format=torch.channels_last) for net in (encoder, decoder))
    parameters = [*encoder.parameters(), *decoder.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=1e-4, amsgrad=True)
    x, mask = images(4 * batch)
    order, seconds = torch.randperm(4 * batch), []
    for update in range(updates + 1):
        start = time.perf_counter()
        rows = order[update % 4 * batch : (update % 4 + 1) * batch]
        loss = -stratified_elbo(encoder, decoder, x[rows], mask[rows])
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 5.0)
        optimiser.step()
        seconds.append(time.perf_counter() - start)
    return sum(seconds[1:]) / updates


def time_missvae(program: str, threads: int, batch: int, updates: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        numbers = random.Random(1)
        pixels = bytes(255 * (numbers.random() < 0.2) for _ in range(4 * batch * PIXELS * PIXELS))
        data = Path(folder) / "images.idx"
        data.write_bytes(bytes([0, 0, 8, 3]) + struct.pack(">III", 4 * batch, PIXELS, PIXELS) + pixels)

        def run(count: int) -> float:
            out = str(Path(folder) / f"run{count}")
            options = [*OPTIONS, "--batch-size", str(batch), "--threads", str(threads), "--updates", str(count)]
            report = subprocess.run([program, "train", str(data), *options, "--out", out], capture_output=True, check=True)
            return json.loads(report.stdout)["seconds"]

        first = run(1)
        return (run(updates + 1) - first) / updates


def check(path: Path) -> bool:
    """Outputs, gradients and running statistics of a fixture, in float64."""
    fixture = json.loads(path.read_text())
    tensor = lambda entry: torch.tensor(entry["data"], dtype=torch.float64).reshape(entry["shape"])
    inputs, params = {name: tensor(entry) for name, entry in fixture["inputs"].items()}, fixture["params"]
    if fixture["kind"] == "conv_resnet_encoder":
        net = Encoder(params["widths"], params["out"])
    else:
        names = ["widths", "latent", "seed_resolution", "first_resize_to", "resize_after_stage"]
        net = Decoder(*(params[name] for name in names))
    net = net.double()
    for module in net.modules():
        if isinstance(module, nn.Dropout2d):
            module.p = 0.0
    state = {name[2:]: value for name, value in inputs.items() if name.startswith("w:")}
    load(net, state, path)
    net.train(params["training"])
    x = inputs["x"].requires_grad_()
    fed = x
    if "mask" in inputs:
        _, *size = params["image"]
        fed = torch.stack([x * inputs["mask"], inputs["mask"]], 1).unflatten(2, size)
    y = net(fed)
    y.backward(inputs["dy"])
    found = {"y": y, "dx": x.grad}
    found |= {f"dw:{name}": parameter.grad for name, parameter in net.named_parameters()}
    found |= {f"after:{name}": buffer for name, buffer in net.named_buffers()}
    worst = 0.0
    for name, entry in fixture["outputs"].items():
        expected = tensor(entry)
        worst = max(worst, ((found[name] - expected).abs().max() / (expected.abs().max() + 1e-3)).item())
    print(f"{path.stem}: {worst:.1e}")
    return worst <= fixture["tolerance"]["f64"]


def weights(path: Path) -> tuple[str, dict[str, Tensor]]:
    """The method and the tensors of a model file (safetensors)."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header, data = json.loads(content[8 : 8 + length]), content[8 + length :]
    method = json.loads(header.pop("__metadata__")["missvae"])["description"]["method"]
    between = lambda entry: bytearray(data[slice(*entry["data_offsets"])])
    return method, {k: torch.frombuffer(between(e), dtype=torch.float32).reshape(e["shape"]) for k, e in header.items()}


def single_bound(encoder: Encoder, decoder: Decoder, x: Tensor, mask: Tensor, importance: bool) -> Tensor:
    """Of one Gaussian with five samples, sticking the landing: the mean log weight, or the log of the mean weight."""
    head = encoder(torch.stack([x, mask], 1).unflatten(2, (PIXELS, PIXELS))).unsqueeze(1)
    means, scales = head[..., :LATENT], F.softplus(head[..., LATENT:]) + 1e-5
    z = (means + scales * torch.randn(COMPONENTS, *means.shape)).squeeze(2)
    posterior = torch.distributions.Normal(means.detach(), scales.detach())
    decoded = decoder(z.flatten(0, 1)).view(COMPONENTS, len(x), -1)
    white = (x > 0).to(x.dtype).expand_as(decoded)
    log_p = -(F.binary_cross_entropy_with_logits(decoded, white, reduction="none") * mask).sum(2)
    log_prior = torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(2)
    log_w = log_p + log_prior - posterior.log_prob(z.unsqueeze(2)).squeeze(2).sum(2)
    return (torch.logsumexp(log_w, 0) - math.log(COMPONENTS) if importance else log_w.mean(0)).mean()


def mean_bound(method: str, encoder: Encoder, decoder: Decoder, x: Tensor, mask: Tensor) -> Tensor:
    if method == "miss-svae":
        return stratified_elbo(encoder, decoder, x, mask)
    return single_bound(encoder, decoder, x, mask, method == "miwae")


def digits(file: Path, rows: slice) -> tuple[Tensor, Tensor]:
    """Images of a gzipped IDX file, made binary, and their masks; what is missing is zero."""
    grey = torch.frombuffer(bytearray(gzip.decompress(file.read_bytes())[16:]), dtype=torch.uint8).view(-1, PIXELS * PIXELS)
    grey = grey[rows].float() / 255
    _, mask = images(len(grey))
    return torch.where(torch.rand_like(grey) < grey, 1.0, -1.0) * mask, mask


@torch.no_grad()
def bounds(run: Path, file: Path) -> None:
    """Prints the bounds of every 30th of the images from the 54,001st on, with the parameters of a run."""
    method, tensors = weights(run / "model.safetensors")
    x, mask = digits(file, slice(54000, None, 30))
    for training in False, True:
        nets = networks(method)
        for net, prefix in zip(nets, ("encoder.", "decoder.")):
            load(net, {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}, run)
            net.train(training)
        bound = mean_bound(method, *nets, x, mask)
        print(json.dumps({"method": method, "training": training, "bound": round(bound.item(), 2)}), flush=True)


def fit(method: str, file: Path, batch: int, updates: int) -> None:
    """Trains from the start, and prints the mean bound in training and that of the images which follow."""
    x, mask = digits(file, slice(0, FITTED + 1000))
    nets = networks(method, narrow=4)
    parameters = [parameter for net in nets for parameter in net.parameters()]
    for module in [module for net in nets for module in net.modules()]:
        if isinstance(module, nn.Dropout2d):
            module.p = 0.0
    optimiser = torch.optim.Adam(parameters, lr=1e-3, amsgrad=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, updates)
    total, order = 0.0, torch.empty(0, dtype=torch.long)
    for _ in range(updates):
        if len(order) < batch:
            order = torch.randperm(FITTED)
        rows, order = order[:batch], order[batch:]
        bound = mean_bound(method, *nets, x[rows], mask[rows])
        optimiser.zero_grad()
        (-bound).backward()
        nn.utils.clip_grad_norm_(parameters, 5.0)
        optimiser.step()
        schedule.step()
        total += bound.item() / updates
    for net in nets:
        net.eval()
    with torch.no_grad():
        rest = zip(x[FITTED:].split(100), mask[FITTED:].split(100))
        validation = statistics.fmean(mean_bound(method, *nets, *part).item() for part in rest)
    found = {"method": method, "updates": updates, "objective": round(total, 2), "validation": round(validation, 2)}
    print(json.dumps(found), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--missvae", default="../../target/release/missvae", help="the program")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--updates", type=int, default=2, help="timed updates a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--channels-last", action="store_true", help="PyTorch's other memory format")
    parser.add_argument("--torch-only", action="store_true", help="print PyTorch's seconds a step (what a round runs)")
    parser.add_argument("--check", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--bounds", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--fit", nargs="+", choices=["mvae", "miwae", "miss-svae"], metavar="METHOD")
    parser.add_argument("--images", type=Path, help="the file that --bounds and --fit take images from")
    args = parser.parse_args()
    if args.bounds or args.fit:
        if args.images is None:
            parser.error("--bounds and --fit need --images")
        torch.set_num_threads(args.threads)
        for run in args.bounds or []:
            bounds(run, args.images)
        for method in args.fit or []:
            fit(method, args.images, args.batch, args.updates)
        return 0
    if args.check:
        return 0 if all([check(path) for path in args.check]) else 1
    if args.torch_only:
        print(time_torch(args.threads, args.batch, args.updates, args.channels_last))
        return 0
    peer = [sys.executable, __file__, "--torch-only", "--threads", str(args.threads), "--batch", str(args.batch)]
    peer += ["--updates", str(args.updates), *(["--channels-last"] if args.channels_last else [])]
    ratios = []
    for round_number in range(args.rounds):
        ours = time_missvae(args.missvae, args.threads, args.batch, args.updates)
        theirs = float(subprocess.run(peer, capture_output=True, check=True).stdout)
        ratios.append(theirs / ours)
        rates = {"missvae_images_per_second": args.batch / ours, "torch_images_per_second": args.batch / theirs}
        rates = {name: round(rate, 2) for name, rate in rates.items()}
        print(json.dumps({"round": round_number + 1, "threads": args.threads, **rates, "ratio": round(ratios[-1], 3)}), flush=True)
    print(json.dumps({"median_ratio": round(statistics.median(ratios), 3), "from": min(ratios), "to": max(ratios)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
