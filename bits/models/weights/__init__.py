"""Weights that were trained elsewhere: reading files of any layout, and fitting them to a backbone."""
