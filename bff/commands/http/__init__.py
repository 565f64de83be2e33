"""The process that serves HTTP: addresses, reading of requests, answers, and what the process holds."""
