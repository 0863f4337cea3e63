"""Train the embedded model by wall clock, on CPU.

Matrices are trained with Muon, embeddings and norms with AdamW.  The learning rate rises over the
first steps, stays until 45% of the time, then falls in a line to 2%.  Data is a pure function of
seed and step, so a checkpoint (written whole, then renamed) resumes exactly; ``--resume`` with a
new ``--minutes`` and ``--restart-schedule`` trains on from finished weights.

Losses are nats a token; validation runs the uncompiled network on held-out packages and prints
nats a token, bits a character, and the share of rest-of-line middles whose every token (and the
end mark) is the network's first choice.
"""

from __future__ import annotations

import argparse
import bisect
import itertools
import json
import math
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import spans
import torch
import torch.multiprocessing as mp
from model import Config, Transformer, parameters
from tokenizer import Codec
from torch import Tensor, nn

KIND_SHARES = {"python": 0.88, "javascript": 0.10, "shell": 0.02}
WARM_UP = 30  # steps
Batch = tuple[Tensor, Tensor]


class Documents:
    """The cleaned documents, drawn in proportion to their length within each language."""

    def __init__(self, path: Path) -> None:
        self.texts: dict[str, list[str]] = {kind: [] for kind in KIND_SHARES}
        for line in path.open(encoding="utf-8"):
            record = json.loads(line)
            self.texts[record["kind"]].append(record["text"])
        self.sums = {k: list(itertools.accumulate(map(len, v))) for k, v in self.texts.items()}

    def draw(self, rng: random.Random) -> str:
        """One document."""
        kind = rng.choices(list(KIND_SHARES), list(KIND_SHARES.values()))[0]
        sums = self.sums[kind]
        return self.texts[kind][bisect.bisect(sums, rng.randrange(sums[-1]))]


def rows(codec: Codec, documents: Documents, seed: str, count: int, size: int) -> Batch:
    """Token ids and weights, (count, size + 1), of one share of a step."""
    rng = random.Random(seed)
    made = [spans.row(codec, rng, documents.draw, size + 1) for _ in range(count)]
    ids = torch.tensor([m.ids for m in made])
    return ids, torch.tensor([m.weights for m in made])


@dataclass
class Shared:
    """What the trainer and its workers hold together; tensors and counters in shared memory."""

    go: list[Any]  # one semaphore for each worker
    done: Any  # semaphore, released by each worker at the end of a step
    taken: Any  # shares of the step handed out so far
    step: Any
    losses: Tensor  # (workers,) sums of the shares' losses
    gradients: list[dict[str, Tensor]]  # one set for each worker


def work(index: int, model: Transformer, shared: Shared, options: argparse.Namespace) -> None:
    """Worker: take shares of each step until none is left, and add up their gradients.

    Each worker is one thread, and takes the next share when it is ready for one.  On a busy
    machine that keeps every core's work useful, where two threads in step would wait for each
    other thousands of times a step.
    """
    torch.set_num_threads(1)
    parent = os.getppid()
    codec = Codec(options.work / "tokenizer.model")
    documents = Documents(options.work / "docs.jsonl")
    own = shared.gradients[index]
    for name, weight in model.named_parameters():
        weight.grad = own[name]
    loss_of: Callable[..., Tensor] = model.loss if options.eager else torch.compile(model.loss)
    while True:
        while not shared.go[index].acquire(timeout=20):
            if os.getppid() != parent:
                return  # the trainer is gone
        step, total = shared.step.value, 0.0
        for gradient in own.values():
            gradient.zero_()
        while True:
            with shared.taken.get_lock():
                part = shared.taken.value
                shared.taken.value += 1
            if part >= options.shares:
                break
            seed = f"{options.seed}-{step}-{part}"
            ids, weights = rows(codec, documents, seed, options.rows, model.config.context)
            with torch.autocast("cpu", torch.bfloat16, enabled=not options.fp32):
                loss = loss_of(
                    ids[:, :-1].contiguous(), ids[:, 1:].contiguous(), weights[:, 1:].contiguous()
                )
            (loss / options.shares).backward()
            total += loss.item()
        shared.losses[index] = total
        shared.done.release()


def orthogonalise(g: Tensor) -> Tensor:
    """Newton-Schulz iteration on a stack of matrices (n, rows, columns)."""
    x = g.bfloat16()
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(5):
        a = x @ x.mT
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    result: Tensor = (x.mT if tall else x).to(g.dtype)
    return result


class Muon(torch.optim.Optimizer):
    """Momentum whose update is made orthogonal; matrices of one shape are handled together."""

    def __init__(self, weights: list[nn.Parameter], lr: float, momentum: float = 0.95) -> None:
        super().__init__(weights, {"lr": lr, "momentum": momentum, "decay": 0.01})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Apply one update."""
        for group in self.param_groups:
            shapes: dict[torch.Size, list[nn.Parameter]] = {}
            for weight in group["params"]:
                shapes.setdefault(weight.shape, []).append(weight)
            for shape, weights in shapes.items():
                updates = []
                for weight in weights:
                    assert weight.grad is not None
                    kept = self.state[weight].setdefault("momentum", torch.zeros_like(weight))
                    kept.lerp_(weight.grad, 1 - group["momentum"])
                    updates.append(torch.lerp(weight.grad, kept, group["momentum"]))
                scale = group["lr"] * max(1.0, shape[0] / shape[1]) ** 0.5
                for weight, update in zip(
                    weights, orthogonalise(torch.stack(updates)), strict=True
                ):
                    weight.mul_(1 - group["lr"] * group["decay"])
                    weight.add_(update, alpha=-scale)


def rate(step: int, share: float) -> float:
    """Learning-rate factor at a step and at a share of the time."""
    warm = min(1.0, (step + 1) / WARM_UP)
    return warm * (1.0 if share < 0.45 else max(0.02, 1 - 0.98 * (share - 0.45) / 0.55))


class Validation:
    """Fixed held-out samples: plain windows and rest-of-line questions, for each package."""

    def __init__(self, codec: Codec, held: Path, windows: int, context: int) -> None:
        self.samples: dict[str, tuple[Tensor, int, dict[str, list[spans.Example]]]] = {}
        for folder in sorted(p for p in held.iterdir() if p.is_dir()):
            rng = random.Random(7)
            package = folder.name.split("__")[0].split("=")[0]
            files = [p for p in sorted(folder.rglob("*.py")) if 3000 < p.stat().st_size < 200_000]
            texts = [p.read_text(encoding="utf-8", errors="replace") for p in files]
            rows: list[list[int]] = []
            characters = 0
            asked: dict[str, list[spans.Example]] = {"spm": [], "psm": []}
            while len(rows) < windows:
                text = rng.choice(texts)
                at = spans.line_bounds(text, rng.randrange(len(text) // 2 + 1))[0]
                ids = [codec.bos, *codec.encode(text[at : at + 8 * context])][: context + 1]
                if len(ids) <= context:
                    continue
                rows.append(ids)
                characters += len(codec.decode(ids))
                for name, question in asked.items():
                    cut = spans.rest_of_line(rng, text)
                    if made := spans.fim(codec, rng, text, cut, name == "spm", 512):
                        question.append(made)
            self.samples[package] = (torch.tensor(rows), characters, asked)

    @torch.no_grad()
    def measure(self, model: Transformer) -> dict[str, dict[str, float]]:
        """Figures for each package."""
        results: dict[str, dict[str, float]] = {}
        for package, (rows, characters, asked) in self.samples.items():
            total = 0.0
            for part in rows.split(4):
                logits = model(part[:, :-1]).flatten(0, 1).float()
                total += nn.functional.cross_entropy(
                    logits, part[:, 1:].flatten(), reduction="sum"
                ).item()
            tokens = rows[:, 1:].numel()
            found = {"nats": total / tokens, "bits_per_char": total / math.log(2) / characters}
            for name, questions in asked.items():
                right, nats, count = 0, 0.0, 0
                for q in questions:
                    ids, weights = torch.tensor(q.ids), torch.tensor(q.weights)
                    hidden = model.hidden(ids[None, :-1])[0]
                    places = weights[1:] == spans.MIDDLE
                    logits = (hidden[places] @ model.token_embd.weight.T).float()
                    wanted = ids[1:][places]
                    right += bool((logits.argmax(-1) == wanted).all())
                    nats += nn.functional.cross_entropy(logits, wanted, reduction="sum").item()
                    count += len(wanted)
                found[f"{name}_exact"] = right / max(1, len(questions))
                found[f"{name}_nats"] = nats / max(1, count)
            results[package] = found
        return results


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint whole, then rename it into place."""
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)


def start_workers(model: Transformer, options: argparse.Namespace) -> Shared:
    """Put the weights in shared memory and start the workers."""
    context = mp.get_context("spawn")
    model.share_memory()
    shared = Shared(
        go=[context.Semaphore(0) for _ in range(options.workers)],
        done=context.Semaphore(0),
        taken=context.Value("i", 0),
        step=context.Value("i", 0),
        losses=torch.zeros(options.workers).share_memory_(),
        gradients=[
            {n: torch.zeros_like(p.data).share_memory_() for n, p in model.named_parameters()}
            for _ in range(options.workers)
        ],
    )
    for index in range(options.workers):
        arguments = (index, model, shared, options)
        context.Process(target=work, args=arguments, daemon=True).start()
    return shared


def gradients(model: Transformer, shared: Shared, step: int, options: argparse.Namespace) -> float:
    """Have the workers do one step; leave the mean gradient on the model, return the mean loss."""
    shared.step.value, shared.taken.value = step, 0
    for semaphore in shared.go:
        semaphore.release()
    for _ in shared.go:
        shared.done.acquire()
    for name, weight in model.named_parameters():
        weight.grad = torch.stack([own[name] for own in shared.gradients]).sum(0)
    return shared.losses.sum().item() / float(options.shares)


def main() -> None:
    """Train until the time is up."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--work", type=Path, required=True, help="documents, vocabulary, outputs")
    parser.add_argument("--minutes", type=float, default=85.0, help="wall clock for all training")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--restart-schedule", action="store_true", help="with --resume")
    parser.add_argument("--shares", type=int, default=8, help="shares of a step")
    parser.add_argument("--rows", type=int, default=1, help="rows of a share")
    parser.add_argument("--workers", type=int, default=2, help="processes of one thread each")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lr-matrix", type=float, default=0.02)
    parser.add_argument("--lr-other", type=float, default=3e-3)
    parser.add_argument("--validate-every", type=float, default=12.0, help="minutes")
    parser.add_argument("--save-every", type=float, default=4.0, help="minutes")
    parser.add_argument("--eager", action="store_true", help="no torch.compile")
    parser.add_argument("--fp32", action="store_true", help="no bf16 autocast")
    for name, value in Config().as_dict().items():
        if isinstance(value, int):
            parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=value)
    options = parser.parse_args()
    torch.set_num_threads(2)
    torch.manual_seed(options.seed)
    shape = {n: getattr(options, n) for n, v in Config().as_dict().items() if isinstance(v, int)}
    latest = options.work / "checkpoint.pt"
    state = torch.load(latest, weights_only=False) if options.resume else None
    config = Config(**(state["config"] if state else shape))
    model = Transformer(config)
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and n.startswith("blk")]
    chosen = {id(p) for p in matrices}
    others = [p for p in model.parameters() if id(p) not in chosen]
    muon = Muon(matrices, options.lr_matrix)
    adam = torch.optim.AdamW(
        others, lr=options.lr_other, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.0, fused=True
    )
    step, spent, seen = 0, 0.0, 0
    if state:
        model.load_state_dict(state["model"])
        muon.load_state_dict(state["muon"])
        adam.load_state_dict(state["adam"])
        step, seen = state["step"], state["tokens"]
        spent = 0.0 if options.restart_schedule else state["seconds"]
    codec = Codec(options.work / "tokenizer.model")
    validation = Validation(codec, options.work / "heldout", 24, config.context)
    shared = start_workers(model, options)
    print("first step, which compiles", flush=True)
    gradients(model, shared, step, options)
    print(f"{parameters(model) / 1e6:.2f}M parameters, {config}", flush=True)
    each = options.shares * options.rows * config.context
    budget, first_step, schedule_step = options.minutes * 60, step, 0
    start = time.time() - spent
    saved = checked = shown = time.time()
    window_loss, window_tokens, window_start = 0.0, 0, time.time()

    def snapshot() -> dict[str, Any]:
        return {
            "config": config.as_dict(), "model": model.state_dict(), "muon": muon.state_dict(),
            "adam": adam.state_dict(), "step": step, "tokens": seen,
            "seconds": time.time() - start,
        }  # fmt: skip

    def report() -> None:
        measured = validation.measure(model)
        rounded = {p: {k: round(v, 3) for k, v in f.items()} for p, f in measured.items()}
        row = {"minutes": round((time.time() - start) / 60, 1), "step": step, "tokens": seen}
        with (options.work / "validation.jsonl").open("a") as log:
            log.write(json.dumps({**row, **rounded}) + "\n")
        for package, figures in rounded.items():
            print(f"  held out {package}: {figures}", flush=True)

    while (share := (time.time() - start) / budget) < 1:
        schedule_step = step - first_step if options.restart_schedule else step
        factor = rate(schedule_step, share)
        for group in muon.param_groups:
            group["lr"] = options.lr_matrix * factor
        for group in adam.param_groups:
            group["lr"] = options.lr_other * factor
        loss = gradients(model, shared, step, options)
        nn.utils.clip_grad_norm_(others, 1.0)
        muon.step()
        adam.step()
        muon.zero_grad()
        adam.zero_grad()
        step += 1
        seen += each
        window_loss += loss
        window_tokens += each
        now = time.time()
        if now - shown > 20:
            count = window_tokens / each
            speed = window_tokens / (now - window_start)
            print(
                f"{(now - start) / 60:6.1f} min  step {step}  {seen / 1e6:.2f}M tokens  "
                f"loss {window_loss / count:.3f}  rate {factor:.3f}  {speed:.0f} tokens/s",
                flush=True,
            )
            window_loss, window_tokens, window_start, shown = 0.0, 0, now, now
        if now - saved > options.save_every * 60:
            save(latest, snapshot())
            saved = now
        if now - checked > options.validate_every * 60:
            report()
            checked = window_start = time.time()
            window_loss, window_tokens = 0.0, 0
    save(latest, snapshot())
    print(f"finished: {step} steps, {seen / 1e6:.2f}M tokens", flush=True)
    report()


if __name__ == "__main__":
    main()
