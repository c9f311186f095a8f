"""What realtime is measured beside: the same relay as one would write it with each of these, in their own environment
(bin/install-rivals). A page connects to /SESSION; what it sends goes to the other pages of the session.

Each has its usual settings, but no compression (frames are small) and no log of requests.
"""
