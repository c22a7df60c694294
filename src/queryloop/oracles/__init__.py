"""Who answers a query: known labels, or people."""
