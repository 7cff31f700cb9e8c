"""Autoscaling strategies beside the rules of other autoscalers and a lower bound."""
