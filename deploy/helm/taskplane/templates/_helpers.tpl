{{- define "taskplane.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The first part of all names; 34 characters leave room for the rest. */}}
{{- define "taskplane.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 34 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "taskplane.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 34 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 34 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* By which Services, budgets and policies find pods. Arguments: root, component, set. */}}
{{- define "taskplane.selector" -}}
app.kubernetes.io/name: {{ include "taskplane.name" .root | quote }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- with .set }}
taskplane/worker-set: {{ . }}
{{- end }}
{{- end -}}

{{- define "taskplane.labels" -}}
{{ include "taskplane.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: taskplane
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* metadata of an object. Arguments: root, component, set, name: what follows the first part. */}}
{{- define "taskplane.metadata" -}}
name: {{ include "taskplane.fullname" .root }}{{ with .name }}-{{ . }}{{ end }}
namespace: {{ .root.Release.Namespace | quote }}
labels:
  {{- include "taskplane.labels" . | nindent 2 }}
{{- end -}}

{{/* Arguments: root, image: one that replaces parts of the main one. */}}
{{- define "taskplane.image" -}}
{{- $main := .root.Values.image -}}
{{- $image := default dict .image -}}
{{- $own := $image.repository -}}
{{- $repository := default $main.repository $image.repository -}}
{{- $digest := ternary $image.digest (default $main.digest $image.digest) (not (empty $own)) -}}
{{- $tag := default (ternary "" $main.tag (not (empty $own))) $image.tag | default .root.Chart.AppVersion -}}
{{- if $digest -}}
{{ $repository }}@{{ $digest }}
{{- else -}}
{{ $repository }}:{{ $tag }}
{{- end -}}
{{- end -}}

{{/* The user of our image: USER in the Dockerfile. */}}
{{- define "taskplane.userId" -}}
10001
{{- end -}}

{{/* Seconds for which an app that ends still answers what it has begun. */}}
{{- define "taskplane.requestSeconds" -}}
4
{{- end -}}

{{/* What comes before an install and an upgrade. Argument: weight. */}}
{{- define "taskplane.beforeUpgrade" -}}
helm.sh/hook: pre-install,pre-upgrade
helm.sh/hook-weight: {{ . | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end -}}

{{- define "taskplane.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ .userId }}
runAsGroup: {{ .userId }}
fsGroup: {{ .userId }}
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "taskplane.containerSecurity" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: ["ALL"]
{{- end -}}

{{/* Whether pods wait for the schema, which a Job beside them makes. */}}
{{- define "taskplane.migrateBy" -}}
{{- ternary "job" .Values.migrate.by .Values.postgres.enabled -}}
{{- end -}}

{{- define "taskplane.postgresHost" -}}
{{- ternary (printf "%s-postgres" (include "taskplane.fullname" .)) .Values.postgres.host .Values.postgres.enabled -}}
{{- end -}}

{{- define "taskplane.redisHost" -}}
{{- ternary (printf "%s-redis" (include "taskplane.fullname" .)) .Values.redis.host .Values.redis.enabled -}}
{{- end -}}
