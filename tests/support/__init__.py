"""What tests and benchmarks start and share: real servers, help desks, the whole serving stack."""
