{{/* The address of Postgres without its password, which is in a file. */}}
{{- define "taskplane.databaseUrl" -}}
{{- $postgres := .Values.postgres -}}
{{- $mode := ternary "disable" $postgres.sslmode $postgres.enabled -}}
postgres://{{ $postgres.user | urlquery }}@{{ include "taskplane.postgresHost" . }}:{{ ternary 5432 $postgres.port $postgres.enabled }}/{{ $postgres.database }}?sslmode={{ $mode }}
{{- if $postgres.caSecret.name }}&sslrootcert={{ include "taskplane.secretsFolder" . }}/postgres-ca.crt{{ end }}
{{- end -}}

{{/* The names that the app answers to: people's, the probes', and those within the cluster. */}}
{{- define "taskplane.allowedHosts" -}}
{{- $service := printf "%s-app" (include "taskplane.fullname" .) -}}
{{- $inside := list "localhost" $service (printf "%s.%s" $service .Release.Namespace) (printf "%s.%s.svc" $service .Release.Namespace) -}}
{{- concat (default list .Values.hosts) $inside | join "," -}}
{{- end -}}

{{/* The settings of all components, by the names of docs/configuration.md. */}}
{{- define "taskplane.config" -}}
{{- $pool := include "taskplane.pool" . | fromJson -}}
{{- $secrets := include "taskplane.secrets" . | fromJson -}}
TASKPLANE_ENV: production
# The names under which people reach it, those of its Service, and the one that the probes use.
ALLOWED_HOSTS: {{ include "taskplane.allowedHosts" . }}
{{- if not (hasKey $secrets "DATABASE_URL") }}
DATABASE_URL: {{ include "taskplane.databaseUrl" . | quote }}
{{- end }}
REDIS_HOST: {{ include "taskplane.redisHost" . }}
REDIS_PORT: {{ ternary 6379 .Values.redis.port .Values.redis.enabled | quote }}
{{- include "taskplane.secretVariables" . }}
SECURE_SSL: {{ .Values.secureSSL | quote }}
TRUSTED_PROXIES: {{ .Values.trustedProxies | quote }}
{{- with .Values.csrfTrustedOrigins }}
CSRF_TRUSTED_ORIGINS: {{ join "," . | quote }}
{{- end }}
{{- with .Values.pathPrefix }}
TASKPLANE_PATH_PREFIX: {{ . | quote }}
{{- end }}
# The kubelet restarts every container that ends: a drained worker stays until it is terminated.
WORKER_EXIT_WHEN_DRAINED: "false"
# The worker set that the autoscaler decides on, and its bounds.
WORKER_QUEUES: {{ join "," $pool.queues | quote }}
WORKER_CONCURRENCY: {{ $pool.concurrency | quote }}
AUTO_SCALING_BACKEND: {{ ternary "kubernetes" "advisory" (eq $pool.scaledBy "autoscaler") }}
AUTO_SCALING_KUBERNETES_DEPLOYMENT: {{ $pool.deployment }}
AUTO_SCALING_KUBERNETES_NAMESPACE: {{ .Release.Namespace | quote }}
MIN_WORKERS: {{ $pool.minimum | quote }}
MAX_WORKERS: {{ $pool.maximum | quote }}
{{- range $name, $value := .Values.config }}
{{ $name }}: {{ kindIs "float64" $value | ternary ($value | toJson) $value | quote }}
{{- end }}
{{- end -}}

{{- define "taskplane.metricUrl" -}}
{{- if .Values.keda.url -}}
{{- .Values.keda.url -}}
{{- else -}}
{{ ternary "https" "http" .Values.secureSSL }}://{{ first .Values.hosts }}{{ .Values.pathPrefix }}/auto-scaling/metric
{{- end -}}
{{- end -}}
