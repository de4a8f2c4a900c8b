"""The Docker engine of one host: an ``EnginePort`` over docker-py."""
