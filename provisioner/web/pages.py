"""The page: server-rendered, works without JavaScript; page.js only keeps it fresh."""

from flask import Blueprint

blueprint = Blueprint("pages", __name__)
