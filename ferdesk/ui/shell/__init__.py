"""The main window: pages, actions, closing."""
