"""The billing triage bot: from multilingual help articles to recommended steps, links and tickets."""
