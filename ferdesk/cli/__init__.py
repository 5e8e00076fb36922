"""Commands of ``ferdesk``, one module a subject."""
