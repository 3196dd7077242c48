"""Our bot beside the one that `rasa init --no-prompt` makes: time, memory and throughput of both, with ratios."""
