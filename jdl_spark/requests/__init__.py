"""Submissions: a folder becomes cohort rows, refusals and questions."""
