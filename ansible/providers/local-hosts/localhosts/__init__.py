"""Real Debian hosts on one machine: systemd-nspawn on overlays, each with its own systemd, sshd and address.

Environments of one to five hosts live side by side, each in a network namespace of its own. This
package makes hosts, clones and removes them, and pulls their plugs; what runs on them is Ansible's
business. It knows nothing of Firstbell.
"""
