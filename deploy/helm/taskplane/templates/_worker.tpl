{{/* The worker sets, each with what `workers` says of all, its name and its Deployment. JSON. */}}
{{- define "taskplane.workerSets" -}}
{{- $sets := list -}}
{{- range $name, $given := .Values.workerSets -}}
{{- if not (kindIs "invalid" $given) -}}
{{- $set := mergeOverwrite (deepCopy $.Values.workers) (deepCopy $given) -}}
{{- $suffix := ternary "worker" (printf "worker-%s" $name) (eq $name "default") -}}
{{- $deployment := printf "%s-%s" (include "taskplane.fullname" $) $suffix -}}
{{- $sets = append $sets (merge (dict "name" $name "suffix" $suffix "deployment" $deployment) $set) -}}
{{- end -}}
{{- end -}}
{{- $sets | toJson -}}
{{- end -}}

{{/*
The worker set that the number which the autoscaler publishes is for: the one that is scaled by it. If
there is none, the one of the name `default`, else the first.
*/}}
{{- define "taskplane.pool" -}}
{{- $sets := include "taskplane.workerSets" . | fromJsonArray -}}
{{- $pool := first $sets -}}
{{- range $sets }}{{ if eq .name "default" }}{{ $pool = . }}{{ end }}{{ end -}}
{{- range $sets }}{{ if include "taskplane.followsNumber" . }}{{ $pool = . }}{{ end }}{{ end -}}
{{- $pool | toJson -}}
{{- end -}}

{{/* Whether a worker set is scaled to the number that the autoscaler publishes. */}}
{{- define "taskplane.followsNumber" -}}
{{- if or (eq .scaledBy "autoscaler") (and (eq .scaledBy "hpa") (not .metrics)) (and (eq .scaledBy "keda") (not .triggers)) -}}
yes
{{- end -}}
{{- end -}}
