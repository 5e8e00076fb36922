"""Commands of ``ferdesk-train``: one module a command."""
