"""What runs inside containers on the hosts: the standard library of Python 3.8 and nothing else.

The modules here reach a host as text in the container's argv (packed by ``swarmnet.edge.operator.probe_image``), so any
image with a ``python3`` can run them. They talk JSON, know no scenario, and judge nothing: they say what happened.
"""
