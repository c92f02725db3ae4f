"""The peer of the benchmarks: the same Llama, trained and sampled by plain PyTorch with the operations its users write.

One line in, one line out: `train ROWS LENGTH` or `decode ROWS CONTEXT TOKENS` answers with the processor seconds of one go, `gemm` with those of a
2048 x 2048 product.
"""
import math
import sys
import time

import torch
import torch.nn.functional as F

HIDDEN, LAYERS, HEADS, KEY_HEADS, INTERMEDIATE, VOCABULARY = map(int, sys.argv[1:7])
SIZE = HIDDEN // HEADS
torch.set_num_threads(1)
torch.manual_seed(1)


class RmsNorm(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(width))

    def forward(self, x):
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6))


def turn(x, cos, sin):
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat((-second, first), -1) * sin


class Layer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        linear = lambda i, o: torch.nn.Linear(i, o, bias=False)
        self.norm1, self.norm2 = RmsNorm(HIDDEN), RmsNorm(HIDDEN)
        self.q, self.k, self.v = linear(HIDDEN, HIDDEN), linear(HIDDEN, KEY_HEADS * SIZE), linear(HIDDEN, KEY_HEADS * SIZE)
        self.o = linear(HIDDEN, HIDDEN)
        self.gate, self.up, self.down = linear(HIDDEN, INTERMEDIATE), linear(HIDDEN, INTERMEDIATE), linear(INTERMEDIATE, HIDDEN)

    def forward(self, x, cos, sin, mask, cache):
        rows, length, _ = x.shape
        h = self.norm1(x)
        q = turn(self.q(h).view(rows, length, HEADS, SIZE).transpose(1, 2), cos, sin)
        k = turn(self.k(h).view(rows, length, KEY_HEADS, SIZE).transpose(1, 2), cos, sin)
        v = self.v(h).view(rows, length, KEY_HEADS, SIZE).transpose(1, 2)
        if cache is not None:
            k, v = cache[:] = [torch.cat((cache[0], k), 2), torch.cat((cache[1], v), 2)]
        k, v = k.repeat_interleave(HEADS // KEY_HEADS, 1), v.repeat_interleave(HEADS // KEY_HEADS, 1)
        scores = q @ k.transpose(2, 3) / math.sqrt(SIZE)
        mixed = (scores if mask is None else scores + mask).softmax(-1) @ v
        x = x + self.o(mixed.transpose(1, 2).reshape(rows, length, HIDDEN))
        h = self.norm2(x)
        return x + self.down(F.silu(self.gate(h)) * self.up(h))


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(VOCABULARY, HIDDEN)
        self.layers = torch.nn.ModuleList(Layer() for _ in range(LAYERS))
        self.norm = RmsNorm(HIDDEN)

    def forward(self, tokens, start=0, caches=None):
        angles = torch.outer(torch.arange(start, start + tokens.shape[1]), 10000.0 ** (-torch.arange(0, SIZE, 2) / SIZE))
        cos, sin = torch.cat((angles, angles), -1).cos(), torch.cat((angles, angles), -1).sin()
        length = tokens.shape[1]
        mask = torch.full((length, length), -math.inf).triu(1) if length > 1 else None
        x = self.embedding(tokens)
        for index, layer in enumerate(self.layers):
            x = layer(x, cos, sin, mask, caches[index] if caches is not None else None)
        return self.norm(x)


model = Model()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, foreach=True)


def train(rows, length):
    tokens = torch.randint(VOCABULARY, (rows, length + 1))
    started = time.process_time()
    logits = model(tokens[:, :-1]) @ model.embedding.weight.t()
    F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten()).backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return time.process_time() - started


@torch.no_grad()
def decode(rows, context, count):
    caches = [list(torch.randn(2, rows, KEY_HEADS, context, SIZE)) for _ in range(LAYERS)]
    tokens = torch.randint(VOCABULARY, (rows, 1))
    started = time.process_time()
    for index in range(count):
        model(tokens, context + index, caches)[:, -1] @ model.embedding.weight.t()
    return time.process_time() - started


def gemm():
    a, b = torch.rand(2048, 2048), torch.rand(2048, 2048)
    started = time.process_time()
    a @ b
    return time.process_time() - started


for line in sys.stdin:
    what, *numbers = line.split()
    print({"train": train, "decode": decode, "gemm": gemm}[what](*map(int, numbers)), flush=True)
