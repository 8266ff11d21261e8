"""Discord's HTTP API as a deploy tool meets it: vocabulary, limits, client, rate limits, errors."""
