"""One run of a provider's playbook: its folder, its worker process, its log.

Knows nothing of the database: a run is what its folder says, whoever looks, whenever.
"""
