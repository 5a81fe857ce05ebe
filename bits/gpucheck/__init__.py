"""What one GPU is checked and measured for, one part a file; `bits gpu-check` runs them all (docs/gpu.md)."""
