"""The operator's pages: what the city's sensors say now, and whether the chain that tells us so is whole."""
