"""How two trials asked the model for the same thing, read off their stored wire records."""
