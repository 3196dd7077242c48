"""The serving stack on real servers from Debian's packages: load, faults, start-up."""
