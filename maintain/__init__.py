"""The room of rollups and retention, which no program fills yet: raw readings are kept until somebody drops them."""
