"""Discord's gateway, version 10 over WebSocket, for the bots that connect to a served double."""
