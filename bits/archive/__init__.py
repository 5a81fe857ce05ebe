"""A scale as one RO-Crate: what goes in, what is removed, how it is described, written and checked. No torch."""
