"""Reports: one HTML file of one session or several, with its charts in it."""

from ferdesk.sessions.report.page import Group, group_names, html_report

__all__ = ["Group", "group_names", "html_report"]
