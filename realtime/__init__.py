"""Firstbell's realtime room: pairing and the relay of live documents. It never imports webapp."""
