"""Do all nodes hold the same rows? `run` says so; `looks` is sure about single rows; `node` asks one node."""

from cluster.verify.run import Report, Untrustworthy, verify

__all__ = ["Report", "Untrustworthy", "verify"]
