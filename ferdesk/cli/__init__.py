"""Commands of ``ferdesk``, all but the window."""
