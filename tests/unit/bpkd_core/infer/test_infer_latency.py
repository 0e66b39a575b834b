"""The latency that a report states."""

from __future__ import annotations

from fakes.networks import threshold_onnx

from bpkd_core.infer import Session, measure_latency


def test_a_latency_names_the_conditions_it_was_measured_under() -> None:
    """Milliseconds without size, provider and threads cannot be compared."""
    latency = measure_latency(Session(threshold_onnx(), intra_op_threads=1), (24, 32), runs=7, warmup=1)
    assert 0 < latency.p50_ms <= latency.p95_ms <= latency.p99_ms
    assert (latency.height, latency.width) == (24, 32)
    assert (latency.provider, latency.threads) == ("CPUExecutionProvider", 1)
