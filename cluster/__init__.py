"""Which nodes exist and how to operate them. Imports nothing of webapp, realtime or provisioner."""
