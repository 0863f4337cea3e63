"""Write a checkpoint as a GGUF file that llama.cpp loads, and compare the two.

The line break is a user-defined symbol of the vocabulary but is written as an ordinary piece: as a
user-defined one, llama.cpp would put a dummy space after every line break.  Matrices are stored as
Q8_0 or F16, norms as F32.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from model import Config, Transformer
from tokenizer import Codec

STORAGE = {
    "q8_0": (gguf.GGMLQuantizationType.Q8_0, gguf.LlamaFileType.MOSTLY_Q8_0),
    "f16": (gguf.GGMLQuantizationType.F16, gguf.LlamaFileType.MOSTLY_F16),
}


def write_vocabulary(writer: gguf.GGUFWriter, codec: Codec) -> None:
    """Pieces, scores, types and special ids."""
    sp = codec.sp
    pieces, scores, kinds = [], [], []
    for index in range(sp.get_piece_size()):
        kind = gguf.TokenType.NORMAL
        if sp.is_unknown(index):
            kind = gguf.TokenType.UNKNOWN
        elif sp.is_control(index):
            kind = gguf.TokenType.CONTROL
        elif sp.is_byte(index):
            kind = gguf.TokenType.BYTE
        pieces.append(sp.id_to_piece(index).encode())
        scores.append(sp.get_score(index))
        kinds.append(kind)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(pieces)
    writer.add_token_scores(scores)
    writer.add_token_types(kinds)
    writer.add_bos_token_id(codec.bos)
    writer.add_eos_token_id(codec.eos)
    writer.add_unk_token_id(sp.unk_id())
    writer.add_eot_token_id(codec.eot)
    writer.add_uint32(gguf.Keys.Tokenizer.FIM_PRE_ID, codec.pre)
    writer.add_uint32(gguf.Keys.Tokenizer.FIM_SUF_ID, codec.suf)
    writer.add_uint32(gguf.Keys.Tokenizer.FIM_MID_ID, codec.mid)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(True)


def write(
    target: Path, config: Config, weights: dict[str, Any], codec: Codec, kind: str,
    extra: dict[str, str] | None = None,
) -> None:  # fmt: skip
    """Write the whole GGUF beside the target, then rename it into place."""
    storage, file_type = STORAGE[kind]
    partial = target.with_suffix(".partial")
    writer = gguf.GGUFWriter(str(partial), "llama")
    writer.add_name("codellama-lsp tiny")
    writer.add_author("The codellama-lsp authors")
    writer.add_license("mit")
    writer.add_description("Small fill-in-the-middle model for code, Code Llama's architecture")
    writer.add_languages(["code"])
    writer.add_context_length(config.context)
    writer.add_embedding_length(config.dim)
    writer.add_block_count(config.layers)
    writer.add_feed_forward_length(config.ffn)
    writer.add_head_count(config.heads)
    writer.add_head_count_kv(config.kv_heads)
    writer.add_layer_norm_rms_eps(config.norm_eps)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_rope_freq_base(config.rope_base)
    writer.add_vocab_size(config.vocab)
    writer.add_file_type(file_type)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    for key, value in (extra or {}).items():
        writer.add_string(f"codellama_lsp.{key}", value)
    write_vocabulary(writer, codec)
    for name, tensor in weights.items():
        values = tensor.float().numpy()
        if values.ndim == 1:
            writer.add_tensor(name, values.astype(np.float32))
        elif storage is gguf.GGMLQuantizationType.F16:
            writer.add_tensor(name, values.astype(np.float16))
        else:
            writer.add_tensor(name, gguf.quantize(values, storage), raw_dtype=storage)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    partial.replace(target)


PROMPTS = (
    "import os\n\n\ndef main(path):\n    for name in os.listdir(path):\n        print(",
    "class Point:\n    def __init__(self, x, y):\n        self.x = x\n        self.",
    "const express = require('express');\nconst app = ",
)


def compare(target: Path, model: Transformer, codec: Codec) -> None:
    """Print the largest difference of logits, and whether first choices and token ids agree."""
    import llama_cpp

    parameters = llama_cpp.llama_model_default_params()
    parameters.use_extra_bufts = False
    llama_cpp.llama_log_set(_quiet(llama_cpp), None)
    loaded = llama_cpp.llama_model_load_from_file(str(target).encode(), parameters)
    if not loaded:
        raise SystemExit(f"llama.cpp did not load {target}")
    settings = llama_cpp.llama_context_default_params()
    settings.n_ctx, settings.n_threads, settings.n_threads_batch = 512, 1, 1
    settings.n_batch = settings.n_ubatch = 512
    vocabulary = llama_cpp.llama_model_get_vocab(loaded)
    for prompt in PROMPTS:
        ids = [codec.bos, *codec.encode(prompt)]
        room = (llama_cpp.llama_token * 256)()
        data = prompt.encode()
        count = llama_cpp.llama_tokenize(vocabulary, data, len(data), room, 256, True, False)
        context = llama_cpp.llama_init_from_model(loaded, settings)
        held = (llama_cpp.llama_token * len(ids))(*ids)
        llama_cpp.llama_decode(context, llama_cpp.llama_batch_get_one(held, len(ids)))
        pointer = llama_cpp.llama_get_logits_ith(context, -1)
        theirs = np.ctypeslib.as_array(pointer, (model.config.vocab,)).copy()
        llama_cpp.llama_free(context)
        with torch.no_grad():
            ours = model(torch.tensor([ids]))[0, -1].numpy()
        piece = codec.sp.id_to_piece(int(theirs.argmax()))
        print(
            f"same ids {list(room[:count]) == ids}, largest logit difference "
            f"{np.abs(ours - theirs).max():.3f} of a spread of {ours.std():.2f}, "
            f"same first choice {ours.argmax() == theirs.argmax()} ({piece!r})"
        )
    llama_cpp.llama_model_free(loaded)


def _quiet(llama_cpp: Any) -> Any:
    """A log callback that says nothing; kept alive for the life of the process."""
    callback = llama_cpp.llama_log_callback(lambda level, text, data: None)
    _KEPT.append(callback)
    return callback


_KEPT: list[Any] = []


def main() -> None:
    """Export a checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--work", type=Path, required=True, help="checkpoint and vocabulary")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--kind", choices=sorted(STORAGE), default="q8_0")
    parser.add_argument("--copy-weights", help="when to copy, from fit_copying.py: a,b,c,d,e")
    parser.add_argument("--no-compare", action="store_true", help="skip the check in llama.cpp")
    options = parser.parse_args()
    torch.set_num_threads(1)
    state = torch.load(options.work / "checkpoint.pt", map_location="cpu", weights_only=False)
    config = Config(**state["config"])
    codec = Codec(options.work / "tokenizer.model")
    extra = {"copy_weights": options.copy_weights} if options.copy_weights else {}
    write(options.out, config, state["model"], codec, options.kind, extra)
    print(
        f"{options.out.name}: {options.out.stat().st_size / 1e6:.2f} MB, step {state['step']}, "
        f"{state['tokens'] / 1e6:.2f}M tokens"
    )
    if not options.no_compare:
        model = Transformer(config)
        model.load_state_dict(state["model"])
        compare(options.out, model.eval(), codec)


if __name__ == "__main__":
    main()
