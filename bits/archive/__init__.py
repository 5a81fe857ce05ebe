"""A scale as one RO-Crate: what goes in, what must not, how it is described, written and checked."""
