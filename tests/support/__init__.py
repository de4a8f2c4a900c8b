"""What tests share: labs, simulated clusters, servers, and builders of documents."""
