"""`python -m cluster.local`: the commands behind `make up`, `make kill HOST=2` and the like."""

from cluster.local.cli import main

main(prog_name="python -m cluster.local")
