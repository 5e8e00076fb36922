"""Where the packaged program begins."""

from ferdesk.__main__ import main

main()
