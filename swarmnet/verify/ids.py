"""Stable ids of what verify reports: who found it, and what is wrong.

``--only``, the JSON documents, JUnit files and the reference page share these ids. A sentence may change with every
version; an id never does.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class _Explained(StrEnum):
    """A word with one line that says what it means."""

    meaning: str

    def __new__(cls, value: str, meaning: str) -> Self:
        """Keep the meaning next to the word."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member


class Group(_Explained):
    """Sources of verdicts that belong to several scenarios; ``--only`` takes them like scenarios."""

    MATRIX = ("matrix", "why pairs of hosts fail, from the icmp, udp and tcp matrices together")
    DNS = ("dns", "why names are not found, from all look-ups together")
    MESH = ("mesh", "why an entry node of the routing mesh does not answer, from mesh-tcp and mesh-udp together")
    PROBE = ("probe", "hosts without a probe, and answers of probes that cannot be read")


class CauseId(_Explained):
    """What is wrong. Every failed verdict, and every warning, has exactly one of these ids."""

    # Hosts without a probe: the id says what keeps the probe away.
    DRAIN = ("drain", "the operator drained the node, so it takes no containers")
    PAUSE = ("pause", "the operator paused the node, so it takes no new containers")
    UNREACHABLE = ("unreachable", "the host does not respond over SSH, or its engine does not")
    LOCKED = ("locked", "the engine waits for the swarm's unlock key")
    OTHER_SWARM = ("other-swarm", "the host belongs to another swarm")
    UNLISTED = ("unlisted", "the host believes that it is a node, but this swarm does not list it")
    LIVE_RESTORE = ("live-restore", "live restore is on, with which an engine cannot be in a swarm")
    NFTABLES = ("nftables", "the engine uses its nftables backend, with which it cannot be in a swarm")
    NO_SWARM = ("no-swarm", "the host is not in a swarm")
    CONTRADICTED = ("contradicted", "a host says that it is a node, and others contradict it: it may be a copy")
    DISK_FULL = ("disk-full", "the disk of the engine's data is full")
    SUBNET_FULL = ("subnet-full", "the network has no free address")
    ATTACH = ("attach", "the managers give the host no address on the network")
    IMAGE = ("image", "the host cannot get or run the probe image")
    PROBE = ("probe", "the probe does not run, for a reason that has no id of its own")

    # Control plane.
    NO_QUORUM = ("no-quorum", "a majority of the managers is missing, or none of them leads")
    NO_MANAGER = ("no-manager", "hosts are in a swarm that no manager of the inventory is in")
    ORDERS_BLOCKED = ("orders-blocked", "a host does not reach the managers' port, 2377")
    GOSSIP_TCP = ("gossip-tcp", "the engines' gossip port, 7946, does not open by TCP")
    DATA_PATH_ADDRESS = ("data-path-address", "other hosts do not reach the address at which a host expects VXLAN")
    ADDRESS_UNREACHED = ("address-unreached", "nothing gets from other hosts to the address that a node is known by")
    ADDRESS_GONE = ("address-gone", "the address that a node is known by is on none of its host's devices")
    NODE_DOWN = ("node-down", "a node is not ready, or managers do not reach each other")
    NOT_ALLOCATED = ("not-allocated", "a network was accepted but never got a subnet and VNI")
    IPV6_ONLY = ("ipv6-only", "a service got a virtual address by IPv6 alone, which nothing balances")
    SUBNET_OVERLAP = ("subnet-overlap", "the subnets of two overlays overlap")
    SUBNET_HIDES_ROUTE = ("subnet-hides-route", "an overlay's subnet overlaps a route of a host")
    BRIDGE_ON_UNDERLAY = ("bridge-on-underlay", "a host's own bridge has a subnet in which other hosts are")

    # The hosts themselves.
    IP_FORWARD = ("ip-forward", "the kernel does not forward packets")
    OUTER_SOURCE = ("outer-source", "the host sends VXLAN from an address that its peers do not know")
    NEIGHBOUR_FIXED = ("neighbour-fixed", "a host sends what is for a peer to a fixed hardware address of no such host")
    RP_FILTER = ("rp-filter", "a strict reverse path filter drops what peers send")
    BRIDGE_ROUTE = ("bridge-route", "packets to containers on docker_gwbridge leave a host by another device")
    SOURCE_ROUTE = ("source-route", "a rule of policy routing throws away what a host sends from its own address")
    NO_VXLAN = ("no-vxlan", "the kernel cannot do VXLAN")
    LEFTOVER_VXLAN = ("leftover-vxlan", "a VXLAN device of a network is left in the host's own namespace")
    MACHINE_ID = ("machine-id", "several hosts have the same machine-id")
    SAME_MAC = ("same-mac", "several hosts have the same hardware address")
    SAME_ENGINE = ("same-engine", "the engines of several hosts have the same id")
    ADDRESS_OF_PEER = ("address-of-peer", "a host has the address of another host on a device of its own")
    DATA_PATH_TAKEN = ("data-path-taken", "something else on a host uses the data path port, or a network's VNI")
    CONNECTIONS_FULL = ("connections-full", "the kernel's table of connections is full")
    CLOCK = ("clock", "the clock of a host differs from those of the others")
    CERTIFICATE = ("certificate", "the certificate of a node is over, or was not renewed in time")
    FIREWALL_DROPS = ("firewall-drops", "a rule or policy of the host's own firewall drops what the swarm sends")
    DEVICE_DROPS = ("device-drops", "a filter or queue at a host's network device (tc) drops what the swarm sends")
    IPTABLES_SPLIT = ("iptables-split", "rules in the other back end of iptables, which the engine does not see")
    NO_MASQUERADE = ("no-masquerade", "no rule gives packets that containers send out the host's own address")
    RULES_FLUSHED = ("rules-flushed", "the engine's firewall rules were flushed")
    GOSSIP_UDP = ("gossip-udp", "the engines' gossip by UDP does not arrive")
    NEIGHBOUR_TABLE_FULL = ("neighbour-table-full", "the kernel's neighbour table is full")

    # Pairs of hosts on overlays.
    UNDERLAY = ("underlay", "the underlay does not carry the overlay's packets (UDP data path port, or ESP)")
    NETWORK = ("network", "one network does not deliver where another one does")
    GOSSIP = ("gossip", "a host has not learned where the containers of a peer are")
    MTU = ("mtu", "small packets pass and full-size packets get lost")
    PARTIAL = ("partial", "one protocol passes and another one does not")
    LOSS = ("loss", "a line loses more datagrams than a line may")
    CHECKSUMS = ("checksums", "a host's device spoils the checksums of what overlays carry by UDP and TCP")
    FLOWS_LOST = ("flows-lost", "some flows between two hosts never pass, and the others always do")
    ADDRESS_TWICE = ("address-twice", "two containers or services have the same address")
    NEIGHBOUR_MISSING = ("neighbour-missing", "a host has no neighbour entry for a container")
    NEIGHBOUR_WRONG = ("neighbour-wrong", "a host's neighbour entry for a container names another hardware address")
    FORWARD_MISSING = ("forward-missing", "a host has no forwarding entry for a container")
    FORWARD_WRONG = ("forward-wrong", "a host's forwarding entry for a container leads to another host")
    UNREACHED = ("unreached", "a host does not reach a container that answers elsewhere")

    # Packet sizes.
    UNDERLAY_MTU = ("underlay-mtu", "the MTU of a host's device is too small for the overlay")
    PATH_MTU = ("path-mtu", "something between hosts has a smaller MTU than their devices")
    ODD_MTU = ("odd-mtu", "containers have another MTU than the network's")
    MTU_OPTION = ("mtu-option", "a network's MTU option is the containers' MTU, where engines take the underlay's")
    FRAGMENTS = ("fragments", "the underlay carries fragments")

    # Names.
    NAMES = ("names", "a host does not find a name, or finds a wrong address for it")
    RESOLVER = ("resolver", "the engine's own resolver does not answer")
    UPSTREAM_DNS = ("upstream-dns", "names outside of the swarm are not answered for")

    # The user's own services.
    TASK_REJECTED = ("task-rejected", "a host cannot start a task of a service")
    TASK_FAILED = ("task-failed", "the program of a task ends, again or for good")
    TASK_WAITS = ("task-waits", "no node takes a task, or it is given no address")
    UPDATE_PAUSED = ("update-paused", "an update of a service is stuck: its tasks may run two versions")
    TASK_PAUSED = ("task-paused", "the container of a task that runs, as managers see it, is paused")
    TASK_HALTED = ("task-halted", "the container of a task that runs, as managers see it, does not run")
    TASK_STOPPED = ("task-stopped", "a signal stopped a program of a running task")
    NOT_ACCEPTING = ("not-accepting", "connections wait, and the program that listens takes none")
    OWN_NAMESERVER = ("own-nameserver", "a container asks nameservers that do not know the swarm's names")
    DNS_LOOPBACK = ("dns-loopback", "a service's nameservers are addresses of its own containers, where none answers")
    NAMESERVER_SILENT = ("nameserver-silent", "a nameserver that a service names for its tasks does not answer them")
    NAMELESS_TASK = ("nameless-task", "a task runs, and no name leads to it")
    STALE_ADDRESS = ("stale-address", "a name leads to an address that no running task has")
    ALIAS_TWICE = ("alias-twice", "two services, or a service and a container, have one name on a network")
    HOSTS_ENTRY = ("hosts-entry", "an extra host of a service hides a name of the swarm, or leads to no task")
    UNEVEN_SPREAD = ("uneven-spread", "tasks are not spread evenly over the values of a label")
    SPREAD_LABEL = ("spread-label", "no node has the label over which tasks should be spread")

    # Balancing.
    NO_IPVS = ("no-ipvs", "the kernel has no IPVS")
    VIP = ("vip", "a service's virtual address does not answer")
    BALANCE_LOST = ("balance-lost", "connections through a virtual address fail, as with a stale backend")
    BALANCE_LOSSY = ("balance-lossy", "single connections through a virtual address fail")
    BALANCE_MISSING = ("balance-missing", "no connection through a virtual address reaches a task")
    BALANCE_UNEVEN = ("balance-uneven", "a task gets more or fewer connections than the others")
    HAIRPIN = ("hairpin", "a task does not reach its own service")
    IPVS_BACKENDS = ("ipvs-backends", "a kernel's balancer does not hold exactly the running tasks")
    BALANCER_FORWARD = ("balancer-forward", "a balancer's network namespace does not forward packets")
    IPVS_NAMESPACE = ("ipvs-namespace", "the network namespace of a balancer is gone")

    # Published ports.
    NO_INGRESS = ("no-ingress", "the swarm has no network for the routing mesh, or several")
    INGRESS_TASK = ("ingress-task", "no entry node reaches the tasks of one host")
    INGRESS_SIDE = ("ingress-side", "one host gets no answer from the published ports of any other host")
    INGRESS_RULES = ("ingress-rules", "nat rules of the routing mesh are missing")
    INGRESS_FORWARD = ("ingress-forward", "filter rules of the routing mesh are missing")
    INGRESS_INTERFACE = ("ingress-interface", "the routing mesh's namespace lost an interface or its routes")
    INGRESS_NAMESPACE = ("ingress-namespace", "the routing mesh's namespace is gone")
    INGRESS_BACKENDS = ("ingress-backends", "the routing mesh's balancer lacks running tasks")
    INGRESS_BLOCKED = ("ingress-blocked", "something blocks the published ports of a host for other hosts")
    INGRESS_UNKNOWN = ("ingress-unknown", "an entry node does not answer, though its rules and namespace look right")
    INGRESS_LOCALHOST = ("ingress-localhost", "an entry node answers at its own address but not at 127.0.0.1")
    INGRESS_OUTSIDE = ("ingress-outside", "an entry node answers other hosts but not your machine")
    IPV6_HANGS = ("ipv6-hangs", "a published port accepts connections by IPv6 and never answers")
    HOST_PORT = ("host-port", "a port in host mode does not answer as it should")
    PORT_TAKEN = ("port-taken", "something else holds the port that a task wants")
    PORT_HIDDEN = ("port-hidden", "a published port of the routing mesh hides a program of a host")
    INTERNAL_PUBLISHED = ("internal-published", "a service on internal networks publishes a port, so it has a way out")
    PORT_CLOSED = ("port-closed", "a published port is closed, or its rule is missing")
    NO_RUNNING_TASK = ("no-running-task", "a service publishes ports, but none of its tasks runs")

    # What a playbook expects.
    NOT_ALLOWED = ("not-allowed", "a port opens that must not, or that nothing allows")
    NO_SHARED_NETWORK = ("no-shared-network", "two containers that must reach each other have no network in common")
    UNRESOLVABLE = ("unresolvable", "a container does not find the name of one that it must reach")
    NOT_LISTENING = ("not-listening", "no program listens on a port that must answer, or only for its own container")
    REFUSED = ("refused", "something refuses connections to a port on which a program listens")
    BLOCKED = ("blocked", "a port that must answer stays silent")
    NO_ROUTE = ("no-route", "a container has no route to what it must reach")
    CHECK_FAILED = ("check-failed", "a port is open and does not give the answer that the check wants")

    # Encryption.
    NO_ESP = ("no-esp", "the kernel cannot do ESP")
    NO_ESP_SENT = ("no-esp-sent", "a host sends no ESP of the current key")
    ESP_BLOCKED = ("esp-blocked", "ESP leaves a host and does not arrive")
    ESP_UNDELIVERED = ("esp-undelivered", "ESP arrives but nothing is delivered")
    TRANSLATED = ("translated", "ESP of a host arrives from another address: something between translates addresses")
    CLEARTEXT = ("cleartext", "an encrypted overlay's packets leave a host in clear")
    INJECTION = ("injection", "a host accepts forged plaintext into an encrypted overlay")
    IPSEC = ("ipsec", "the IPsec states or policies of two hosts do not agree")
    IPSEC_PORT = ("ipsec-port", "the engine encrypts another port than the swarm's data path port")
    IPSEC_ADDRESS = ("ipsec-address", "IPsec states have no address of the host: the engine did not know its own")
    IPSEC_FLUSHED = ("ipsec-flushed", "the IPsec states of a host were gone until this run")
    IPSEC_SOURCE = ("ipsec-source", "the engine encrypts what leaves from another address than VXLAN does")
    IPSEC_DROPS = ("ipsec-drops", "IPsec dropped packets during the run")
    KEY_WORN = ("key-worn", "an IPsec key has nearly used up its packet numbers")
    NO_VNI_MATCH = ("no-vni-match", "the kernel lacks the match by which the engine finds packets to encrypt")
    RULES_ORDER = ("rules-order", "a rule accepts plaintext before the rule that drops it")

    # Hosts that are checked before they are in a swarm.
    SWARM_PORTS = ("swarm-ports", "several of the ports that a swarm needs are closed between hosts")
    OTHER_SENDER = ("other-sender", "packets of a host come from another address than the one that it advertises")
    ADVERTISE = ("advertise", "the address that a host is to advertise is not on one of its interfaces")
    MIXED_FAMILIES = ("mixed-families", "overlays of some hosts would go by IPv6, and of others by IPv4")
    HOST_TWICE = ("host-twice", "two names of the inventory are one host")
    ENGINE_OLD = ("engine-old", "an engine is too old for a swarm, or for encrypted overlays that encrypt")
    ENGINES_DIFFER = ("engines-differ", "the versions of the engines are far apart")
    ROOTLESS = ("rootless", "an engine runs without root, where overlays do not work")
    SNAP = ("snap", "an engine comes from a snap, which confines it")
    DAEMON_CONFIG = ("daemon-config", "a key of daemon.json is obsolete, or contradicts a swarm")
    KERNEL_LACKS = ("kernel-lacks", "the kernel of a host lacks what overlays need")
    LOW_MEMORY = ("low-memory", "a host has little memory")
    DISK_LOW = ("disk-low", "the disk of the engine's data is nearly full")
