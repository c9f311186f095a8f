"""The laptop cluster: real hosts' parts as processes on loopback, one failure unit per host.

It writes configuration, starts, stops and kills. It knows nothing of what the mesh does (that is
`cluster.mesh`) nor of the applications: to it they are programs with an environment. Nothing here
is used in production; there Ansible and systemd do this work.
"""

from cluster.local.laptop import Laptop

__all__ = ["Laptop"]
