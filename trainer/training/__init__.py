"""Training: the loop, its step, checkpoints, distillation, distributed processes."""
