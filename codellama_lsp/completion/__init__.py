"""From a request at a cursor to a suggestion: gates, plan, stop rules, filters, outcome."""
