"""Checks an installation and changes nothing: settings, servers, model, disk, who may read files or reach ports."""
