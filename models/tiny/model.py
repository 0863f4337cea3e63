"""The embedded model's network: Code Llama's architecture at a few million parameters.

RMSNorm, SwiGLU, interleaved rotary embeddings with base 10**6, grouped key/value heads, tied input
and output embeddings, no biases.  Parameter names follow llama.cpp's tensor names, so that
exporting is a renaming.  Shapes are in elements; `context` is in tokens.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Config:
    """Shape of the network."""

    vocab: int = 8192
    dim: int = 256
    layers: int = 6
    heads: int = 4
    kv_heads: int = 2
    ffn: int = 704
    context: int = 1024
    rope_base: float = 1e6
    norm_eps: float = 1e-5

    @property
    def head_dim(self) -> int:
        """Elements of one attention head."""
        return self.dim // self.heads

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for checkpoints."""
        return asdict(self)


def rope_table(config: Config, length: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the interleaved rotary embedding, each (length, head_dim / 2)."""
    half = torch.arange(0, config.head_dim, 2, dtype=torch.float32)
    angles = torch.outer(
        torch.arange(length, dtype=torch.float32),
        1.0 / config.rope_base ** (half / config.head_dim),
    )
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate the pairs (0, 1), (2, 3), … of x: (batch, heads, length, head_dim)."""
    even, odd = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    turned = torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1)
    return turned.flatten(-2).to(x.dtype)


class RMSNorm(nn.Module):
    """Root-mean-square normalisation with a gain."""

    def __init__(self, dim: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the last axis."""
        wide = x.float()
        scale = torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.eps)
        return (wide * scale * self.weight).to(x.dtype)


class Block(nn.Module):
    """One layer: attention, then the gated feed-forward network."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        c = config
        self.config = c
        self.attn_norm = RMSNorm(c.dim, c.norm_eps)
        self.attn_q = nn.Linear(c.dim, c.heads * c.head_dim, bias=False)
        self.attn_k = nn.Linear(c.dim, c.kv_heads * c.head_dim, bias=False)
        self.attn_v = nn.Linear(c.dim, c.kv_heads * c.head_dim, bias=False)
        self.attn_output = nn.Linear(c.heads * c.head_dim, c.dim, bias=False)
        self.ffn_norm = RMSNorm(c.dim, c.norm_eps)
        self.ffn_gate = nn.Linear(c.dim, c.ffn, bias=False)
        self.ffn_up = nn.Linear(c.dim, c.ffn, bias=False)
        self.ffn_down = nn.Linear(c.ffn, c.dim, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Map (batch, length, dim) to the same shape."""
        c = self.config
        h = self.attn_norm(x)
        q = self.attn_q(h).unflatten(-1, (c.heads, c.head_dim)).transpose(1, 2)
        k = self.attn_k(h).unflatten(-1, (c.kv_heads, c.head_dim)).transpose(1, 2)
        v = self.attn_v(h).unflatten(-1, (c.kv_heads, c.head_dim)).transpose(1, 2)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        groups = c.heads // c.kv_heads
        if groups > 1:
            k, v = k.repeat_interleave(groups, 1), v.repeat_interleave(groups, 1)
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.attn_output(a.transpose(1, 2).flatten(-2))
        h = self.ffn_norm(x)
        out: Tensor = x + self.ffn_down(F.silu(self.ffn_gate(h)) * self.ffn_up(h))
        return out


class Transformer(nn.Module):
    """The whole network; the output projection is the embedding matrix."""

    cos: Tensor
    sin: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.token_embd = nn.Embedding(config.vocab, config.dim)
        self.blk = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.output_norm = RMSNorm(config.dim, config.norm_eps)
        cos, sin = rope_table(config, config.context)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self.reset()

    def reset(self) -> None:
        """Initial weights: small embeddings, residual outputs at zero."""
        nn.init.normal_(self.token_embd.weight, std=0.02)
        for name, weight in self.blk.named_parameters():
            if weight.ndim == 2:
                if name.endswith(("attn_output.weight", "ffn_down.weight")):
                    nn.init.zeros_(weight)
                else:
                    nn.init.normal_(weight, std=1.0 / math.sqrt(weight.shape[1]))

    def hidden(self, ids: Tensor) -> Tensor:
        """Normalised last hidden states for (batch, length) token ids."""
        length = ids.shape[1]
        x = self.token_embd(ids)
        for block in self.blk:
            x = block(x, self.cos[:length], self.sin[:length])
        out: Tensor = self.output_norm(x)
        return out

    def forward(self, ids: Tensor) -> Tensor:
        """Logits (batch, length, vocab)."""
        return F.linear(self.hidden(ids), self.token_embd.weight)

    def loss(self, ids: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        """Weighted sum of token losses in nats, divided by the sum of weights."""
        logits = self(ids).flatten(0, 1).float()
        each = F.cross_entropy(logits, targets.flatten(), reduction="none")
        flat = weights.flatten()
        return (each * flat).sum() / flat.sum()


def parameters(model: nn.Module) -> int:
    """Number of trained parameters."""
    return sum(p.numel() for p in model.parameters())
