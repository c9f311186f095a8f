"""Environments at a click: the page, the API, `envctl`, and what keeps the promises. See README.md."""
