"""The kinds of exhibit. Each file here that assigns KIND declares one; config/exhibits declares the exhibits."""
