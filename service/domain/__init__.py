"""The service without its surroundings: records as frozen values, their moves, and ports to the world."""
