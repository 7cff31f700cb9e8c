from django.apps import AppConfig


class TerminalConfig(AppConfig):
    name = "controlplane.ops.terminal"
    label = "terminal"
