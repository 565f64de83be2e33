"""Game providers: who may move money, and the adapter that speaks each one's protocol."""
