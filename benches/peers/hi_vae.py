"""HI-VAE (Nazábal, Olmos, Ghahramani & Valera 2020) in PyTorch, written from the paper for `mixed.py`.

The latent variables of a row are s, one of S components (relaxed by Gumbel-softmax while training), and z ~ N(μ(s), I). A linear
layer makes Y homogeneous features a column out of z. The head of a column sees its own features and s only: a Gaussian for
numbers, a softmax for levels. The encoder sees numbers standardised by their observed cells, levels one-hot, and 0 for a missing
cell. The bound counts observed cells only.

Sizes are those of the paper's experiments: 10 dimensions of z, 10 components, 5 features a column, Adam at 1e-3. `EPOCHS` is ours.
"""

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional as F

DIM_Z, DIM_S, DIM_Y, BATCH, EPOCHS = 10, 10, 5, 100, 500


class HiVae(nn.Module):
    """`sizes`: the number of levels of each column; 1 for a column of numbers."""

    def __init__(self, sizes):
        super().__init__()
        self.sizes = sizes
        width = sum(sizes)
        self.s = nn.Linear(width, DIM_S)
        self.z = nn.Linear(width + DIM_S, 2 * DIM_Z)
        self.prior = nn.Linear(DIM_S, DIM_Z)
        self.y = nn.Linear(DIM_Z, DIM_Y * len(sizes))
        self.mean = nn.ModuleList(nn.Linear(DIM_Y + DIM_S, size) for size in sizes)
        self.log_variance = nn.ModuleList(nn.Linear(DIM_S, 1) for _ in sizes)

    def encode(self, x, s):
        mean, log_variance = self.z(torch.cat([x, s], dim=1)).chunk(2, dim=1)
        return mean, log_variance

    def decode(self, z, s):
        """For each column the means and log variances of numbers, or the logits of levels."""
        y = self.y(z).split(DIM_Y, dim=1)
        return [(mean(torch.cat([part, s], dim=1)), log_variance(s))
                for part, mean, log_variance in zip(y, self.mean, self.log_variance)]

    def negative_bound(self, x, cells, observed, temperature):
        logits = self.s(x)
        log_q = logits.log_softmax(dim=1)
        s = F.gumbel_softmax(logits, tau=temperature, dim=1)
        mean, log_variance = self.encode(x, s)
        z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        divergence_s = (log_q.exp() * (log_q + np.log(DIM_S))).sum(dim=1)
        difference = mean - self.prior(s)
        divergence_z = 0.5 * (log_variance.exp() + difference**2 - 1 - log_variance).sum(dim=1)
        total = divergence_s + divergence_z
        for place, (size, (output, log_scale)) in enumerate(zip(self.sizes, self.decode(z, s))):
            value = cells[:, place]
            if size == 1:
                loss = F.gaussian_nll_loss(output[:, 0], value, log_scale[:, 0].exp(), full=True, reduction="none", eps=1e-3)
            else:
                loss = F.cross_entropy(output, value.long(), reduction="none")
            total = total + loss * observed[:, place]
        return total.mean()

    @torch.no_grad()
    def draw(self, x):
        """One draw of every cell, from the encoder's distribution of s and z."""
        s = F.one_hot(torch.distributions.Categorical(logits=self.s(x)).sample(), DIM_S).float()
        mean, log_variance = self.encode(x, s)
        z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        columns = []
        for size, (output, log_scale) in zip(self.sizes, self.decode(z, s)):
            if size == 1:
                columns.append(output[:, 0] + torch.exp(0.5 * log_scale[:, 0]) * torch.randn(len(x)))
            else:
                columns.append(torch.distributions.Categorical(logits=output).sample().float())
        return torch.stack(columns, dim=1).numpy()


def completed(table, levels, seed, draws):
    """`draws` completed copies of a table. `levels`: the names of its columns of levels."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    observed = table.notna().to_numpy()
    cells, parts, sizes, written = np.zeros(table.shape), [], [], []
    for place, name in enumerate(table):
        if name in levels:
            codes, known = pd.factorize(table[name])
            cells[:, place] = np.maximum(codes, 0)
            parts.append(np.eye(len(known))[np.maximum(codes, 0)] * observed[:, [place]])
            sizes.append(len(known))
            written.append(lambda column, known=known: np.asarray(known)[column.astype(int)])
        else:
            mean, scale = table[name].mean(), table[name].std()
            cells[:, place] = ((table[name] - mean) / scale).fillna(0.0)
            parts.append(cells[:, [place]])
            sizes.append(1)
            written.append(lambda column, mean=mean, scale=scale: mean + scale * column)
    x, cells, mask = (torch.tensor(part, dtype=torch.float32) for part in (np.hstack(parts), cells, observed))
    model = HiVae(sizes)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range(EPOCHS):
        temperature = max(1.0 - 0.01 * epoch, 0.1)
        for rows in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            model.negative_bound(x[rows], cells[rows], mask[rows], temperature).backward()
            optimizer.step()
    copies = []
    for _ in range(draws):
        drawn, copy = model.draw(x), table.copy()
        for place, name in enumerate(table):
            missing = ~observed[:, place]
            copy.loc[missing, name] = written[place](drawn[missing, place])
        copies.append(copy)
    return copies
