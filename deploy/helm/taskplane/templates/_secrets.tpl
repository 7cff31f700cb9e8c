{{- define "taskplane.secretsFolder" -}}
/run/secrets/taskplane
{{- end -}}

{{/*
The secrets that there are, by the names of their settings: where each is, and its value if the chart
keeps it. JSON. A value that is to be made is empty.
*/}}
{{- define "taskplane.secrets" -}}
{{- $values := .Values.secrets -}}
{{- $needed := dict
  "DJANGO_SECRET_KEY" true
  "DATABASE_PASSWORD" .Values.postgres.enabled
  "REDIS_PASSWORD" .Values.redis.enabled
  "METRICS_TOKEN" .Values.monitoring.serviceMonitor.enabled -}}
{{- $fields := dict
  "DJANGO_SECRET_KEY" "djangoSecretKey"
  "DATABASE_PASSWORD" "databasePassword"
  "DATABASE_URL" "databaseUrl"
  "REDIS_PASSWORD" "redisPassword"
  "METRICS_TOKEN" "metricsToken" -}}
{{- $found := dict -}}
{{- range $name, $field := $fields -}}
{{- $one := get $values $field -}}
{{- if $one.existingSecret -}}
{{- $_ := set $found $name (dict "secret" $one.existingSecret "key" $one.key) -}}
{{- else if or $one.value (get $needed $name) -}}
{{- $own := printf "%s-secrets" (include "taskplane.fullname" $) -}}
{{- $_ := set $found $name (dict "secret" $own "key" $name "value" $one.value "isOurs" true) -}}
{{- end -}}
{{- end -}}
{{- $found | toJson -}}
{{- end -}}

{{/* Variables that name the files. */}}
{{- define "taskplane.secretVariables" -}}
{{- $folder := include "taskplane.secretsFolder" . -}}
{{- range $name, $_ := include "taskplane.secrets" . | fromJson }}
{{ $name }}_FILE: {{ $folder }}/{{ $name }}
{{- end }}
{{- end -}}

{{/* The volume with one file for each secret. Arguments: root, own: the Secret with what the chart
keeps. */}}
{{- define "taskplane.secretVolume" -}}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      {{- range $name, $one := include "taskplane.secrets" .root | fromJson }}
      - secret:
          name: {{ if and $.own $one.isOurs }}{{ $.own }}{{ else }}{{ $one.secret }}{{ end }}
          items:
            - key: {{ $one.key }}
              path: {{ $name }}
      {{- end }}
      {{- with .root.Values.postgres.caSecret }}
      {{- if .name }}
      - secret:
          name: {{ .name }}
          items:
            - key: {{ .key }}
              path: postgres-ca.crt
      {{- end }}
      {{- end }}
{{- end -}}

{{/* The names of those that the chart has made, with commas. */}}
{{- define "taskplane.madeSecrets" -}}
{{- $made := list -}}
{{- range $name, $one := include "taskplane.secrets" . | fromJson -}}
{{- if and $one.isOurs (not $one.value) -}}
{{- $made = append $made $name -}}
{{- end -}}
{{- end -}}
{{- $made | sortAlpha | join ", " -}}
{{- end -}}
