"""From questions that nothing answered to the draft of a new issue: gather → cluster → search → files for a person."""
