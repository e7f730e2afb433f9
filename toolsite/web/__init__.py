"""How requests come in: granian holds the connections, bodies are read before a thread is taken."""
