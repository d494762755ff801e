"""The command line, and `sdot up`: the embedded stack and its supervision."""
