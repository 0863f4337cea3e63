"""The only place that imports llama_cpp: loading, KV cache, decode loop, sampling, copying."""
