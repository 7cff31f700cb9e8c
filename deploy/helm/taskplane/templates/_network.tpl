{{/* What every pod may call: DNS, and networkPolicy.extraEgress. */}}
{{- define "taskplane.egressOfAll" -}}
- ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
{{- with .Values.networkPolicy.extraEgress }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "taskplane.egressToPostgres" -}}
- ports:
    - port: {{ ternary 5432 .Values.postgres.port .Values.postgres.enabled }}
  {{- if .Values.postgres.enabled }}
  to:
    - podSelector:
        matchLabels:
          {{- include "taskplane.selector" (dict "root" . "component" "postgres") | nindent 10 }}
  {{- else if .Values.networkPolicy.serversTo }}
  to:
    {{- toYaml .Values.networkPolicy.serversTo | nindent 4 }}
  {{- end }}
{{- end -}}
