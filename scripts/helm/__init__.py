"""The Helm chart in deploy/helm/taskplane: its values, its documents, its rendered manifests."""
