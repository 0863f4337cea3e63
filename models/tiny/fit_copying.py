"""Fit when a copied token is kept: logistic regression over places where copier and model differ.

Walks along real lines of packages that the model was not trained on (and that no figure is
reported for), and notes, wherever the copier's next token and the model's are different and just
one of them is right, which one it was. Prints the weights that `export.py` writes into the GGUF.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import numpy as np

from codellama_lsp.context.windows import FAR_CHARS
from codellama_lsp.engine.backend import CancelFlag
from codellama_lsp.engine.protocol import GenerateRequest, Segment
from codellama_lsp.engine.worker.backend import LlamaBackend
from codellama_lsp.engine.worker.copying import Copier
from codellama_lsp.engine.worker.generate import new_chooser
from codellama_lsp.engine.worker.sampling import Scores
from codellama_lsp.engine.worker.settings import WorkerSettings
from codellama_lsp.evaluation.positions import Position, draw, source_files

NAMES = ("bias", "log_proposed", "log_best", "log_match", "agreement")
_PREFIX_CHARS, _SUFFIX_CHARS = 2200, 800


def walk(backend: LlamaBackend, position: Position, version: int) -> list[tuple[list[float], bool]]:
    """Features and whether the copier was right, for one line followed to its end."""
    model, context, cache = backend.loaded()
    prefix = position.prefix[-_PREFIX_CHARS:]
    request = GenerateRequest(
        "fit",
        Segment("prefix", version, prefix),
        Segment("suffix", version, position.suffix[:_SUFFIX_CHARS]),
        stop_at_newline=True,
        max_tokens=0,
        copy=False,
    )
    prompt = backend.build(request)
    backend.generate(request, lambda *_: None, CancelFlag())
    resident, _ = cache.take(prompt.ids, len(prompt.ids) + 64)
    cache.truncate(resident, len(prompt.ids) - 1)
    context.evaluate(resident.sequence, len(prompt.ids) - 1, [int(prompt.ids[-1])])
    cache.extend(resident, [int(prompt.ids[-1])])
    chooser = new_chooser(model, request, 0)
    far = position.prefix[: len(position.prefix) - len(prefix)][-FAR_CHARS:]
    after = position.suffix[: _SUFFIX_CHARS + FAR_CHARS]
    copier = Copier([far + prefix], [after])
    rows: list[tuple[list[float], bool]] = []
    missing, shown = prompt.required, ""
    for _ in range(24):
        scores = Scores(context.logits())
        truth = missing + position.rest[len(shown) :].encode() + b"\n"
        allowed = model.pieces.allowed(missing) if missing else None
        line_ends = bool(shown.strip())
        best = chooser.choose(scores, allowed=allowed, line_ends=line_ends)
        proposal = copier.propose(shown)
        over = truth == b"\n"
        if proposal is not None and not (proposal.text.startswith("\n") and not line_ends):
            ends = proposal.text.startswith("\n") and not missing
            tokens = (
                []
                if ends
                else model.encoder.infill(
                    (missing.decode("utf-8", "replace")) + proposal.text.split("\n", 1)[0]
                )
            )
            if ends or tokens:
                best_right = (
                    over if best.ends else truth.startswith(model.pieces.pieces[best.token])
                )
                if ends:
                    mine = chooser.end_probability(scores, line_ends=True)
                    copy_right, same = over, best.ends
                else:
                    mine = scores.of(tokens[0])
                    if allowed is not None:
                        mine /= max(scores.of_any(allowed), 1e-12)
                    copy_right = truth.startswith(model.pieces.pieces[tokens[0]]) and not over
                    same = not best.ends and tokens[0] == best.token
                if not same and copy_right != best_right:
                    rows.append(
                        (
                            [
                                1.0,
                                math.log(max(mine, 1e-9)),
                                math.log(max(best.probability, 1e-9)),
                                math.log(proposal.match),
                                proposal.agreement,
                            ],
                            copy_right,
                        )
                    )
        if over:
            break
        token = model.encoder.infill(truth.decode("utf-8", "replace"))[0]
        piece = model.pieces.pieces[token]
        spelled = piece[len(missing) :] if len(piece) >= len(missing) else b""
        missing = missing[len(piece) :]
        shown += spelled.decode("utf-8", "ignore")
        context.evaluate(resident.sequence, len(resident.tokens), [token])
        cache.extend(resident, [token])
    return rows


def fit(rows: list[tuple[list[float], bool]]) -> list[float]:
    """Weights by Newton's method with a little ridge."""
    x = np.array([features for features, _ in rows])
    y = np.array([float(right) for _, right in rows])
    w = np.zeros(x.shape[1])
    for _ in range(50):
        q = 1 / (1 + np.exp(-(x @ w)))
        gradient = x.T @ (q - y) + 0.01 * w
        hessian = (x * (q * (1 - q))[:, None]).T @ x + 0.01 * np.eye(x.shape[1])
        w -= np.linalg.solve(hessian, gradient)
    return [float(v) for v in w]


def main() -> None:
    """Read the arguments, fit, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--n", type=int, default=600, help="positions per path")
    parser.add_argument("--seed", type=int, default=3)
    args = parser.parse_args()
    backend = LlamaBackend(WorkerSettings(args.model), args.model)
    backend.load(lambda share: None)
    rows: list[tuple[list[float], bool]] = []
    for path in args.paths:
        for version, position in enumerate(draw(source_files([path]), args.n, args.seed)):
            rows += walk(backend, position, version)
    weights = fit(rows)
    x = np.array([features for features, _ in rows])
    y = np.array([right for _, right in rows])
    kept = (x @ np.array(weights)) > 0
    print(
        json.dumps(
            {
                "weights": dict(zip(NAMES, (round(w, 4) for w in weights), strict=True)),
                "disagreements": len(rows),
                "copier_right": round(float(y.mean()), 4),
                "decided_right": round(float((kept == y).mean()), 4),
            }
        )
    )


if __name__ == "__main__":
    main()
