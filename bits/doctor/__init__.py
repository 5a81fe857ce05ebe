"""What could stop a run before it is submitted: one module a subject, one function a check. Never imports torch."""
