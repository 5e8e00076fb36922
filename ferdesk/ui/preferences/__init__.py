"""Settings, consent and appearance."""
